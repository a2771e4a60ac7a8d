/**
 * The parameters of each resource type: their kinds, which of them may differ from node to node,
 * which refer to another resource, and how long its actions may take when the file does not say.
 *
 * What is parsed here is what is committed and what agents read: plain values under kebab-case
 * names. Maps become lists, since a definition holds only scalars and lists of words:
 * `environment: {A: b}` is committed as `['A=b']`, `readiness: {tcp: 'h:p'}` as `['tcp', 'h:p']`.
 *
 * It refuses what no agent could make safe (no journal, no barriers). Whether a device exists is
 * not asked here: a file is checked on any machine; the agents ask on the node that matters.
 */
import { z } from 'zod';
import type { Parameter } from '../cluster/definition.ts';
import type { Millis } from '../lib/ids.ts';
import { filesystemType, mountOptions } from './mount-options.ts';
import { powerFence } from './power-devices.ts';
import {
  absolutePath,
  cidr,
  deviceName,
  endpoint,
  ipAddress,
  macAddress,
  name,
  network,
  parsed,
  parseEndpoint,
  userName,
} from './values.ts';

export type ActionTimes = {
  readonly startTimeoutMs: Millis;
  readonly stopTimeoutMs: Millis;
  readonly monitorIntervalMs: Millis;
  readonly monitorTimeoutMs: Millis;
};

export type ResourceType = {
  readonly schema: z.ZodType<Readonly<Record<string, Parameter | undefined>>>;
  /** Parameters that may be written as `{per-node: {…}}`. What they name is local to a machine. */
  readonly perNode: readonly string[];
  /** Parameter → type of the resource of the same group that it names; becomes a `needs`. */
  readonly refersTo: Readonly<Record<string, string>>;
  readonly times: ActionTimes;
};

const words = z.array(z.string()).min(1, 'expected at least one word');

/** VPD page 83h as text. A device name is refused: the kernel gives them out anew at each boot. */
const identity = parsed((value) => {
  const found = typeof value === 'string' ? value.trim() : '';
  return /^[\x21-\x7e]{1,255}$/.test(found) && !found.startsWith('/') ? found : null;
}, 'the identity of VPD page 83h (such as naa.6001405…), never a device name');

/** SPC-4 numbers. 7 and 8 are valid SCSI and have no single holder: every registrant is one (DESIGN §8). */
const RESERVATION_TYPES: Readonly<Record<string, number>> = {
  '1': 1,
  'write-exclusive': 1,
  '3': 3,
  'exclusive-access': 3,
  '5': 5,
  'write-exclusive-registrants-only': 5,
  '6': 6,
  'exclusive-access-registrants-only': 6,
};

const reservationType = parsed(
  (value) => RESERVATION_TYPES[String(value)] ?? null,
  'write-exclusive (1) or exclusive-access (3) for one path, ' +
    'write-exclusive-registrants-only (5) or exclusive-access-registrants-only (6) for several',
  { type: ['string', 'number'] },
);

const EMULATED = /^emulated:[^#\s]+#[A-Za-z0-9._-]{1,64}$/;

/** One path or several to the same disk; an emulated disk is one device `emulated:SOCKET#LUN`. */
const devices = z.union([z.string().transform((one) => [one]), z.array(z.string()).min(1)]);

const disk = z
  .strictObject({
    identity: identity.optional(),
    device: devices.optional(),
    adapter: z.enum(['scsi', 'sg-persist', 'multipath', 'nvme', 'emulated']).optional(),
    'reservation-type': reservationType.optional(),
    'volatile-reservations': z.boolean().optional(),
    'accept-late-writes': z.boolean().optional(),
  })
  .superRefine(({ identity: found, adapter, device = [], ...given }, context) => {
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message });
    const type = given['reservation-type'];
    if (adapter === 'sg-persist' && (type === 5 || type === 6)) {
      refuse(
        'adapter',
        'sg-persist takes types 1 and 3 only: a command that was killed may arrive late',
      );
    }
    const emulated = adapter === 'emulated' || device.some((path) => path.startsWith('emulated:'));
    if (emulated) {
      const [only = ''] = device;
      if (adapter !== undefined && adapter !== 'emulated') {
        refuse('adapter', 'expected `emulated`, since the device is an emulated one');
      }
      if (device.length !== 1 || !EMULATED.test(only)) {
        refuse('device', 'expected one device emulated:SOCKET#LUN, or emulated:HOST:PORT#LUN');
      }
      return;
    }
    if (found === undefined) refuse('identity', 'missing: the identity of VPD page 83h');
    if (!device.every((path) => path.startsWith('/dev/'))) {
      refuse('device', 'expected a path below /dev, or several');
    }
  });

const filesystem = z.strictObject({
  disk: name,
  directory: absolutePath.refine((path) => path !== '/', 'expected a directory of its own, not /'),
  type: filesystemType,
  options: mountOptions.optional(),
  'write-probe': z.boolean().optional(),
});

/** Either a network device of the node or a virtual-mac resource of the group, not both. */
function oneOfDevices(
  { device, on }: { device?: string | undefined; on?: string | undefined },
  context: z.RefinementCtx,
): void {
  if ((device === undefined) !== (on === undefined)) return;
  const message = 'expected either `device` (a network device) or `on` (a virtual-mac resource)';
  context.addIssue({ code: 'custom', message });
}

const floatingIp = z
  .strictObject({
    address: cidr,
    device: deviceName.optional(),
    on: name.optional(),
    gateway: ipAddress.optional(),
    'gateway-loss': z.enum(['report', 'move']).optional(),
  })
  .superRefine(oneOfDevices);

const virtualMac = z.strictObject({ parent: deviceName, mac: macAddress.optional() });

const environment = z
  .record(
    z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable')
      .refine((key) => !key.startsWith('HOLDFAST_'), 'names with HOLDFAST_ are set by the cluster'),
    z.union([z.string(), z.number(), z.boolean()]),
  )
  .transform((map) => Object.entries(map).map(([key, value]) => `${key}=${value}`));

const probe = z.union(
  [
    z.strictObject({ tcp: endpoint }).transform(({ tcp }) => ['tcp', tcp]),
    z
      .strictObject({ http: z.url({ protocol: /^https?$/ }) })
      .transform(({ http }) => ['http', http]),
    z.strictObject({ command: words }).transform(({ command }) => ['command', ...command]),
  ],
  'expected one of {tcp: host:port}, {http: URL} or {command: [words]}',
);

const signalName = z
  .string()
  .regex(/^SIG[A-Z0-9]+$/, 'expected a signal such as SIGTERM or SIGINT');

const application = z
  .strictObject({
    command: words.optional(),
    prestart: z.boolean().optional(),
    start: words.optional(),
    stop: words.optional(),
    'stop-signal': signalName.optional(),
    recover: words.optional(),
    user: userName.optional(),
    directory: absolutePath.optional(),
    environment: environment.optional(),
    readiness: probe.optional(),
    monitor: probe.optional(),
  })
  .superRefine(({ command, prestart, start, readiness }, context) => {
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message });
    if ((command === undefined) === (start === undefined)) {
      refuse(
        'command',
        'expected either `command` (a program that stays) or `start` (one that ends)',
      );
    } else if (start !== undefined && readiness === undefined) {
      refuse('readiness', 'missing: nothing else tells that what `start` left behind runs');
    }
    if (prestart === true && command === undefined) {
      refuse('prestart', 'needs `command`: only a program that stays can wait for its turn');
    }
  });

const route = z
  .strictObject({
    destination: network,
    device: deviceName.optional(),
    on: name.optional(),
    gateway: ipAddress.optional(),
    source: ipAddress.optional(),
    metric: z.int().min(1).max(4_294_967_295).optional(),
    table: z.int().min(1).max(4_294_967_295).optional(),
  })
  .superRefine(oneOfDevices);

const systemd = z.strictObject({
  unit: z.string().regex(/^[\w:@.\\][\w:@.\\-]{0,254}$/, 'expected the name of a unit'),
  readiness: probe.optional(),
  monitor: probe.optional(),
});

/** Parameters of an agent that only the agent knows: it is asked on the node. */
const agentParameters = z
  .record(
    z.string().regex(/^[A-Za-z_][\w-]*$/, 'expected the name of a parameter'),
    z.union([z.string(), z.number(), z.boolean()]),
  )
  .transform((map) => Object.entries(map).map(([key, value]) => `${key}=${value}`));

const ocf = z.strictObject({
  agent: z
    .string()
    .regex(
      /^([\w-][\w.-]*:)?[\w-][\w.-]*$/,
      'expected PROVIDER:TYPE such as heartbeat:pgsql, or the name of an agent of your own',
    ),
  parameters: agentParameters.optional(),
  'check-level': z.int().min(0).max(100).optional(),
});

const module = z.strictObject({
  module: z.string().regex(/^[\w-][\w.-]*$/, 'expected the name of a module, without its ending'),
  parameters: agentParameters.optional(),
});

const nfsExport = z.strictObject({
  directory: absolutePath,
  clients: words,
  options: words.refine(
    (options) => options.some((option) => /(^|,)fsid=/.test(option)),
    'expected fsid= among the options: a file handle must mean the same on every node',
  ),
});

/** Where something answers: `host:port`, or the path of a socket. */
const meetingPoint = parsed((value) => {
  if (typeof value !== 'string') return null;
  return value.startsWith('/') || parseEndpoint(value) !== null ? value : null;
}, 'host:port, or the absolute path of a socket');

const emulatedAddress = z.strictObject({
  segment: meetingPoint,
  address: z.string().min(1),
  target: meetingPoint,
});

const times = (start: Millis, stop: Millis, interval: Millis, monitor: Millis): ActionTimes => ({
  startTimeoutMs: start,
  stopTimeoutMs: stop,
  monitorIntervalMs: interval,
  monitorTimeoutMs: monitor,
});

export const RESOURCE_TYPES: Readonly<Record<string, ResourceType>> = {
  disk: {
    schema: disk,
    perNode: ['device'],
    refersTo: {},
    times: times(15_000, 5_000, 2_000, 4_000),
  },
  filesystem: {
    schema: filesystem,
    perNode: [],
    refersTo: { disk: 'disk' },
    times: times(60_000, 15_000, 2_000, 5_000),
  },
  'virtual-mac': {
    schema: virtualMac,
    perNode: ['parent'],
    refersTo: {},
    times: times(5_000, 5_000, 1_000, 3_000),
  },
  'floating-ip': {
    schema: floatingIp,
    perNode: ['device', 'gateway'],
    refersTo: { on: 'virtual-mac' },
    times: times(5_000, 5_000, 1_000, 3_000),
  },
  application: {
    schema: application,
    perNode: [
      'command',
      'start',
      'stop',
      'recover',
      'user',
      'directory',
      'environment',
      'readiness',
      'monitor',
    ],
    refersTo: {},
    times: times(30_000, 15_000, 1_000, 5_000),
  },
  route: {
    schema: route,
    perNode: ['device', 'gateway'],
    refersTo: { on: 'virtual-mac' },
    times: times(5_000, 5_000, 2_000, 3_000),
  },
  systemd: {
    schema: systemd,
    perNode: ['readiness', 'monitor'],
    refersTo: {},
    times: times(60_000, 30_000, 2_000, 10_000),
  },
  ocf: {
    schema: ocf,
    perNode: ['parameters'],
    refersTo: {},
    times: times(60_000, 60_000, 10_000, 20_000),
  },
  'nfs-export': {
    schema: nfsExport,
    perNode: [],
    refersTo: {},
    times: times(20_000, 20_000, 5_000, 10_000),
  },
  module: {
    schema: module,
    perNode: ['parameters'],
    refersTo: {},
    times: times(30_000, 15_000, 2_000, 5_000),
  },
  'power-fence': {
    schema: powerFence,
    perNode: [],
    refersTo: {},
    times: times(120_000, 5_000, 60_000, 5_000),
  },
  'emulated-address': {
    schema: emulatedAddress,
    perNode: ['target'],
    refersTo: {},
    times: times(5_000, 5_000, 1_000, 3_000),
  },
};
