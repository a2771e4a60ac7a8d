/** `npm run build [DIRECTORY]`: the bundled program, into `dist/` or wherever else. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, packageVersion } from './bundle.ts';

const [directory = fileURLToPath(new URL('../../dist', import.meta.url))] = process.argv.slice(2);
const outDirectory = resolve(directory);
const version = packageVersion();
await bundle({ version, outDirectory });
console.log(`holdfast ${version}: ${outDirectory}`);
