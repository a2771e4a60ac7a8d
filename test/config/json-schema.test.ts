/** The schema for editors against the files that the parser takes, and against those that it refuses. */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { joinedFileText } from '../../src/config/joined-file.ts';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { checkConfig } from '../../src/config/load.ts';
import { RESOURCE_TYPES } from '../../src/config/resource-types.ts';
import { fileSchema } from '../../src/config/schema.ts';
import { defaultTimes } from '../../src/config/times.ts';
import { edited, VALID } from './fixture.ts';

const file = (name: string): string =>
  readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8');
const schema = configJsonSchema();
const validate = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(
  schema,
);
const complaints = (text: string): readonly string[] => {
  validate(parse(text));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
};

describe('the schema for editors', () => {
  it('is current (else: node src/holdfast.js config schema > config/holdfast.schema.json)', () => {
    expect(JSON.parse(file('holdfast.schema.json'))).toEqual(schema);
  });

  it('takes what the parser takes', () => {
    const { config } = checkConfig('f.yaml', VALID);
    if (config === null) throw new Error('the fixture is valid');
    const joined = joinedFileText({
      ...config,
      times: defaultTimes('fast'),
      socketPath: null,
      profile: 'fast',
    });
    for (const text of [VALID, file('three-nodes.yaml'), joined]) {
      expect(complaints(text)).toEqual([]);
    }
  });

  it.each([
    ['a key that is misspelt', edited('profile: fast', 'profil: fast')],
    ['a profile that is none', edited('profile: fast', 'profile: reckless')],
    ['a number that is a word', edited('number: 1', 'number: one')],
    ['a member without a name', edited('  - name: node1\n    number', '  - number')],
    ['a resource type that is none', edited('type: disk', 'type: tape')],
    ['a parameter that is none', edited('identity: naa', 'identitty: naa')],
    ['a cluster without a name', edited('cluster: lab\n', '')],
  ])('control: %s is found by both', (_what, text) => {
    expect(checkConfig('f.yaml', text).config).toBeNull();
    expect(complaints(text).length).toBeGreaterThan(0);
  });

  it('has words for every key at the top, and every resource type', () => {
    const properties = schema['properties'] as Record<string, { readonly description?: string }>;
    for (const key of Object.keys(fileSchema.shape)) {
      expect(properties[key]?.description, key).toMatch(/\w+/);
    }
    for (const type of Object.keys(RESOURCE_TYPES)) {
      expect(JSON.stringify(schema)).toContain(`"type":{"const":"${type}"}`);
    }
  });
});

describe('the annotated example', () => {
  it('is valid, and has a word on every key that there is at the top', () => {
    const text = file('three-nodes.yaml');
    expect(checkConfig('three-nodes.yaml', text, { anyNode: true }).config).not.toBeNull();
    for (const key of Object.keys(fileSchema.shape)) {
      expect(text, key).toMatch(new RegExp(`^#? ?${key}:`, 'm'));
    }
  });

  it('is valid too when what is commented out is switched on', () => {
    const text = file('three-nodes.yaml')
      .replace(/^# ((?:operators|notifications|log|times):.*)$/gm, '$1')
      .replace(/^# ( {2,}[\w-]+:.*)$/gm, '$1')
      .replace(/^# ( {2}- .*)$/gm, '$1');
    const { config, faults } = checkConfig('three-nodes.yaml', text, { anyNode: true });
    expect(faults.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(config).toMatchObject({
      operators: { adminGroup: 'holdfast' },
      notifications: [{}, {}, {}],
      log: { trace: '/var/lib/holdfast/trace.ndjson' },
    });
    expect(complaints(text)).toEqual([]);
  });
});
