import { describe, expect, it } from 'vitest';
import { detailsOf, edited, faultsOf, VALID } from './fixture.ts';

describe('a file that is no configuration is refused:', () => {
  it.each([
    ['empty', '', 'CONFIG_INVALID'],
    ['a list', '- a\n- b\n', 'CONFIG_INVALID'],
    ['a word', 'cluster', 'CONFIG_INVALID'],
    ['an open bracket', 'cluster: [a\nnode: b\n', 'CONFIG_SYNTAX'],
    ['a tab as indentation', 'members:\n\t- name: node1\n', 'CONFIG_SYNTAX'],
    ['a key twice', 'cluster: a\ncluster: b\n', 'CONFIG_SYNTAX'],
    ['two documents', 'cluster: a\n---\ncluster: b\n', 'CONFIG_SYNTAX'],
    ['a tag of another program', 'cluster: !!js/function "x"\n', 'CONFIG_SYNTAX'],
    ['an alias without an anchor', 'cluster: *a\n', 'CONFIG_SYNTAX'],
    ['a key that is a list', '[a, b]: c\n', 'CONFIG_SYNTAX'],
    ['JSON garbage', '{"cluster": }}}', 'CONFIG_SYNTAX'],
  ])('%s', (_situation, text, code) => {
    const faults = faultsOf(text);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults[0]?.split(' ')[0]).toBe(code);
  });

  it('aliases that multiply without end', () => {
    const bomb = Array.from({ length: 12 }, (_, level) =>
      level === 0
        ? 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
        : `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    ).join('\n');
    expect(faultsOf(bomb).map((fault) => fault.split(' ')[0])).toEqual(['CONFIG_SYNTAX']);
  });

  it('syntax errors have their place', () => {
    expect(faultsOf('cluster: a\nnode: b\ncluster: c\n')).toEqual(['CONFIG_SYNTAX  @ cluster']);
  });
});

describe('a configuration that is valid but weak is told so:', () => {
  it('an even number of voters', () => {
    const third = VALID.slice(VALID.indexOf('  - name: node3'), VALID.indexOf('groups:'));
    const fourth = third
      .replace('node3', 'node4')
      .replace('number: 3', 'number: 4')
      .replace(/12D3KooW\w+/, '12D3KooWMdJY1Xb6EiF92aGTTosjNdwMsr92xEAZqdh7EU1P65F8')
      .replaceAll('.0.3:', '.0.4:');
    const text = edited('node3: enp3s0', 'node3: enp3s0, node4: eth0').replace(
      third,
      third + fourth,
    );
    expect(faultsOf(text)).toEqual([]);
    expect(faultsOf(text, 'warning')).toEqual(['CONFIG_UNWISE members @ - name']);
    expect(detailsOf(text)[0]).toContain('4 voters survive no more failures than 3');
  });

  it('two interconnects on one address of a machine', () => {
    const text = edited('"10.2.0.3:7400"', '"10.1.0.3:7401"');
    expect(faultsOf(text)).toEqual([]);
    expect(faultsOf(text, 'warning')).toEqual([
      'CONFIG_UNWISE members[2].addresses.lan-b @ "10.1.0.3:7401" ',
    ]);
  });

  it('but not on loopback, where there is nothing else', () => {
    const text = VALID.replace(/"10\.(\d)\.0\.(\d):7400"/g, '"127.0.0.1:7$1$2"');
    expect(faultsOf(text, 'warning')).toEqual([]);
    expect(faultsOf(text)).toEqual([]);
  });

  it('a member that is called by name', () => {
    const text = edited('"10.2.0.3:7400"', '"node3.example:7400"');
    expect(faultsOf(text, 'warning')).toEqual([
      'CONFIG_UNWISE members[2].addresses.lan-b @ "node3.example:7400" ',
    ]);
  });

  it('a group without a disk, and a disk that forgets its reservations', () => {
    const app = '{ name: a, type: application, parameters: { command: [x] } }';
    const none = `${VALID}  - name: web\n    resources: [${app}]\n`;
    expect(faultsOf(none, 'warning')).toEqual(['CONFIG_UNWISE groups[1] @ name']);
    const volatile = edited(
      'identity: naa.6001405000000001',
      'identity: naa.6001405000000001\n          volatile-reservations: true',
    );
    expect(faultsOf(volatile, 'warning')).toEqual([
      'CONFIG_UNWISE groups[0].resources[0].parameters.volatile-reservations @ true',
    ]);
  });
});
