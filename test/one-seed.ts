/**
 * Properties that try random cases have one seed in CI, so that a red run is the doing of a change and
 * can be repeated by whoever made it. The long form (HOLDFAST_LONG=1) draws a new one each time, and
 * fast-check prints it with what it found; HOLDFAST_SEED sets it.
 */
import fc from 'fast-check';

const CI_SEED = 1;
const given = process.env['HOLDFAST_SEED'];

if (given !== undefined) fc.configureGlobal({ seed: Number(given) });
else if (process.env['HOLDFAST_LONG'] !== '1') fc.configureGlobal({ seed: CI_SEED });
