import { NONE } from './bounds.ts';
import { Explorer } from './explorer.ts';
import { SCOPES } from './scopes.ts';

const [b = '{}', o = '{}'] = process.argv.slice(2);
const scope = { ...SCOPES[0], budget: { ...NONE, ...JSON.parse(b) }, ...JSON.parse(o) } as any;
const t = performance.now();
const e = new Explorer(scope, (process.env['SAB'] ?? 'none') as any, {
  maxStates: Number(process.env['N'] ?? 1e6),
  progress: (p) =>
    console.log(
      ((performance.now() - t) / 1000).toFixed(1),
      p,
      e.catalogue.nodes,
      e.catalogue.steps,
    ),
});
const r = e.run();
console.log(
  r,
  ((performance.now() - t) / 1000).toFixed(1),
  Math.round(process.memoryUsage().rss / 1e6) + 'MB',
);
