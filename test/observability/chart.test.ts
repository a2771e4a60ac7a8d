import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PHASES } from '../../src/lib/phases.ts';
import { timelineChart } from '../../src/observability/chart/timeline-chart.ts';
import { timelineSvg } from '../../src/observability/chart/timeline-svg.ts';
import { TIMELINE } from '../operator/fake-history.ts';

describe('the chart', () => {
  it('says in a sentence what it shows', () => {
    const { title, description } = timelineChart(TIMELINE);
    expect(title).toBe('ledger  epoch 6  failover from node1 to node2');
    expect(description).toMatch(
      /^358 ms in all: detect on node3 204 ms, .*serve on node2 20 ms\.$/,
    );
  });

  it('has round ticks, few of them, whatever it lasts', () => {
    expect(timelineChart(TIMELINE).ticks.map(({ label }) => label)).toEqual([
      '0 ms',
      '100 ms',
      '200 ms',
      '300 ms',
    ]);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (durationMs) => {
        const stamps = TIMELINE.stamps.slice(0, 1).map((stamp) => ({ ...stamp, durationMs }));
        const { ticks, endMs } = timelineChart({ ...TIMELINE, stamps });
        expect(ticks.length).toBeGreaterThan(1);
        expect(ticks.length).toBeLessThanOrEqual(7);
        for (const { atMs } of ticks) expect(atMs).toBeLessThanOrEqual(endMs);
      }),
    );
  });
});

describe('the picture', () => {
  const rects = (svg: string): readonly string[] =>
    [...svg.matchAll(/<rect class="(lost|taken|up)" x="([\d.]+)"[^>]*width="([\d.]+)"/g)].map(
      ([, kind, x, width]) => `${kind} ${x} ${width}`,
    );

  it('draws each bar where the model has it', () => {
    expect(rects(timelineSvg(TIMELINE, { standalone: true }))).toEqual([
      'lost 190 273.5',
      'lost 463.5 24.2',
      'lost 487.7 8',
      'taken 495.7 18.8',
      'up 514.5 81.8',
      'up 549.3 2.7',
      'up 596.3 46.9',
      'up 643.2 26.8',
    ]);
  });

  it('names all phases in words, and has title and description for those who do not see it', () => {
    const svg = timelineSvg(TIMELINE, { standalone: false });
    for (const phase of PHASES) expect(svg).toContain(`>${phase}<`);
    expect(svg).toContain('role="img"');
    expect(svg).toMatch(/<title id="chart-title">ledger {2}epoch 6/);
    expect(svg).toMatch(/<desc id="chart-description">silence on lan-a/);
    expect(svg).not.toContain('<style>');
  });

  it('fetches nothing and runs nothing, whatever names and words are in it', () => {
    const evil = '"><script>alert(1)</script>&\u0007';
    const svg = timelineSvg(
      { ...TIMELINE, group: evil, evidence: evil, to: evil },
      { standalone: true },
    );
    expect(svg).not.toMatch(/<script|<image|href=|url\(/);
    expect(svg).not.toContain('\u0007');
    expect(svg.match(/</g)?.length).toBe(svg.match(/>/g)?.length);
  });

  it('of nothing says so', () => {
    const svg = timelineSvg({ ...TIMELINE, stamps: [] }, { standalone: true });
    expect(svg).toContain('no phase was measured');
  });
});
