/**
 * How V8 runs a simulation: much code, most of it for a few seconds. It compiles each function for its
 * first call already, which costs less than to interpret it until it is found to be hot; what is hot
 * is optimized as ever. Import it first: it holds for what is compiled from then on.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--always-sparkplug');
