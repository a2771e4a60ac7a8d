import { expect, it } from 'vitest';
import { cpuPressure, isLoaded } from '../../src/system/pressure.ts';

it('the pressure of processors is the first figure of its file', () => {
  const file =
    'some avg10=88.98 avg60=68.08 avg300=55.60 total=1\nfull avg10=1.50 avg60=0 avg300=0 total=0\n';
  expect(cpuPressure(file)).toBe(88.98);
  expect(cpuPressure('')).toBeNull();
  expect(cpuPressure('full avg10=1.50')).toBeNull();
});

it('this host is loaded or it is not', () => {
  expect(typeof isLoaded()).toBe('boolean');
});
