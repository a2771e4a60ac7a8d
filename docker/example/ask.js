/** `node ask.js URL`: what the example's service answers; status 1 when nobody does. */
const [url] = process.argv.slice(2);
try {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  process.stdout.write(await response.text());
} catch (error) {
  process.stderr.write(`no answer: ${error.cause?.message ?? error.message}\n`);
  process.exitCode = 1;
}
