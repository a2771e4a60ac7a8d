/**
 * libp2p's own log, switched off: it formats several lines for each frame. What an operator has to
 * know is told by events; its detail can be had with `DEBUG=libp2p:*` where the logger is left out.
 */
import type { ComponentLogger, Logger } from '@libp2p/interface';

const nothing = (): void => {};
const silent: Logger = Object.assign(nothing, {
  error: nothing,
  trace: nothing,
  enabled: false,
  newScope: (): Logger => silent,
});

export const silentLogger: ComponentLogger = { forComponent: () => silent };
