/**
 * A campaign as one self-contained page: the figures, the failover time chart of the median run
 * (what began when, on which node), and the distribution of all outages. No script, no other file.
 */
import type { CampaignResult, Run } from './campaign.ts';

const WIDTH = 860;
const LEFT = 110;
const ROW = 26;
const COLOURS: Readonly<Record<string, string>> = {
  detect: '#b35900',
  elect: '#8a6d00',
  decide: '#5b7f00',
  fence: '#a0243f',
  mount: '#33628f',
  address: '#2f7d6d',
  application: '#6b4c9a',
  serve: '#8d7ab8',
};

export function html(result: CampaignResult): string {
  const { fault, lab, profile, outageMs, floorMs, ratio, dualAnswersMs, lost, runs } = result;
  const facts: readonly (readonly [string, string])[] = [
    ['laboratory, profile', `${lab}, ${profile}`],
    ['runs', String(runs.length)],
    ['outage p50 / p90 / p99 / max', `${values(outageMs)} ms`],
    ['floor: the same steps by hand', `${floorMs} ms (${steps(result)})`],
    ['median outage ÷ floor', String(ratio)],
    ['two nodes answered at once', `${dualAnswersMs} ms`],
    ['acknowledged, lost', `${result.acknowledged}, ${lost}`],
    ['machine', result.machine],
    ['load average before, after', `${result.load.before}, ${result.load.after}`],
  ];
  const rows = facts.map(([name, value]) => `<tr><th>${escaped(name)}<td>${escaped(value)}`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Failover: ${fault}</title>
<style>body{font:15px/1.5 sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#222}
th{text-align:left;font-weight:normal;color:#555;padding-right:2em}svg text{font:12px sans-serif}
svg{max-width:100%;height:auto}</style>
<h1>Failover: ${escaped(fault)}</h1><table>${rows.join('')}</table>
<h2>The median run</h2>${timeline(medianRun(runs))}
<h2>All outages</h2>${distribution(result)}
<p>An outage is the longest time between two answers of a client that opens a connection every 5 ms.
Phases come from the cluster's own history; clocks of two nodes are laid one after the other.
</html>
`;
}

/** The run in the middle, by its outage. */
export function medianRun(runs: readonly Run[]): Run | undefined {
  return runs.toSorted((a, b) => a.outageMs - b.outageMs)[Math.floor((runs.length - 1) / 2)];
}

type Bar = { readonly phase: string; readonly fromMs: number; readonly lengthMs: number };

/** Stamps of one clock stay as they were; the next clock begins where the one before ended. */
export function bars(stamps: Run['stamps']): readonly Bar[] {
  const clocks = [...Map.groupBy(stamps, (s) => `${s.node} ${s.incarnation}`).values()];
  let fromMs = 0;
  return clocks.flatMap((ofClock) => {
    const first = Math.min(...ofClock.map(({ startedMs }) => startedMs));
    const last = Math.max(...ofClock.map((s) => s.startedMs + s.durationMs));
    const offset = fromMs - first;
    fromMs += last - first;
    return ofClock.map(({ phase, startedMs, durationMs }) => ({
      phase,
      fromMs: startedMs + offset,
      lengthMs: durationMs,
    }));
  });
}

function timeline(run: Run | undefined): string {
  if (run === undefined || run.stamps.length === 0) return '<p>Nothing moved.';
  const all = bars(run.stamps);
  const endMs = Math.max(...all.map((bar) => bar.fromMs + bar.lengthMs), run.outageMs);
  const x = (ms: number): number => LEFT + (ms / endMs) * (WIDTH - LEFT - 70);
  const lines = all.map(({ phase, fromMs, lengthMs }, i) => {
    const y = 30 + i * ROW;
    const width = Math.max(1.5, x(fromMs + lengthMs) - x(fromMs));
    const colour = COLOURS[phase] ?? '#555';
    return (
      `<text x="0" y="${y + 13}">${escaped(phase)}</text>` +
      `<rect x="${x(fromMs).toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="17" fill="${colour}"/>` +
      `<text x="${(x(fromMs) + width + 5).toFixed(1)}" y="${y + 13}">${lengthMs.toFixed(1)} ms</text>`
    );
  });
  const height = 50 + all.length * ROW;
  const words = `${run.from} → ${run.to}, outage ${run.outageMs} ms. ${run.evidence}`;
  return `<p>${escaped(words)}</p>${svg(height, axis(endMs, height, x) + lines.join(''))}`;
}

function axis(endMs: number, height: number, x: (ms: number) => number): string {
  const stepMs = [10, 20, 50, 100, 200, 500, 1000].find((step) => endMs / step <= 10) ?? 5000;
  const marks = Array.from({ length: Math.floor(endMs / stepMs) + 1 }, (_, i) => i * stepMs);
  return marks
    .map((ms) => {
      const at = x(ms).toFixed(1);
      const line = `<line x1="${at}" x2="${at}" y1="22" y2="${height - 12}" stroke="#ddd"/>`;
      return `${line}<text x="${at}" y="14" text-anchor="middle">${ms} ms</text>`;
    })
    .join('');
}

/** Each run a tick, the quantiles as lines: with few runs a histogram would invent a shape. */
function distribution({ runs, outageMs, floorMs }: CampaignResult): string {
  const endMs = Math.max(outageMs.max, floorMs) * 1.05;
  const x = (ms: number): number => LEFT + (ms / endMs) * (WIDTH - LEFT - 70);
  const ticks = runs.map(({ outageMs: ms }, i) => {
    const y = 40 + (i % 12) * 4;
    return `<circle cx="${x(ms).toFixed(1)}" cy="${y}" r="3" fill="#33628f" fill-opacity="0.5"/>`;
  });
  const lines = [
    ['floor', floorMs, '#2f7d6d'],
    ['p50', outageMs.p50, '#222'],
    ['p99', outageMs.p99, '#a0243f'],
  ] as const;
  const drawn = lines.map(
    ([name, ms, colour], i) =>
      `<line x1="${x(ms).toFixed(1)}" x2="${x(ms).toFixed(1)}" y1="24" y2="96" stroke="${colour}"/>` +
      `<text x="${(x(ms) + 4).toFixed(1)}" y="${108 + i * 14}" fill="${colour}">${name} ${ms} ms</text>`,
  );
  return svg(150, axis(endMs, 110, x) + ticks.join('') + drawn.join(''));
}

function svg(height: number, body: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">${body}</svg>`;
}

function values({ p50, p90, p99, max }: CampaignResult['outageMs']): string {
  return [p50, p90, p99, max].join(' / ');
}

function steps({ floor }: CampaignResult): string {
  return Object.entries(floor.stepsMs)
    .map(([name, ms]) => `${name} ${ms}`)
    .join(', ');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
