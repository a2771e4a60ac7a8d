/** Names and units that every layer shares. `Millis` is a duration or a monotonic time in milliseconds. */
export type NodeId = string;
export type GroupId = string;
export type Interconnect = string;
/** Ownership epoch: a committed counter of the cluster, 1 … 2³²−1. 0 means "never owned". */
export type Epoch = number;
export type Millis = number;

/** The last epoch that fits the 32 bits of a reservation key; the counter is refused there. */
export const MAX_EPOCH: Epoch = 0xffff_ffff;
