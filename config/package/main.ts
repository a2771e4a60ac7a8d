/**
 * `npm run build [-- DIRECTORY]`: the bundled program, into `dist/` or wherever else.
 * `npm run package [-- DIRECTORY]`: the Debian package, into the same place.
 */
import { resolve } from 'node:path';
import { bundle, packageVersion, root } from './bundle.ts';

const [what = 'build', directory = resolve(root, 'dist')] = process.argv.slice(2);
const version = packageVersion();
const outDirectory = resolve(directory);
if (what === 'deb') {
  const { buildDeb } = await import('./deb.ts');
  console.log(await buildDeb({ version, outDirectory }));
} else {
  await bundle({ version, outDirectory });
  console.log(`holdfast ${version}: ${outDirectory}`);
}
