/**
 * One command at a time for each device, in the order of asking: a device takes one thread of the
 * pool, whatever happens to it.
 */
export class DeviceQueue {
  #atWork: Promise<unknown> = Promise.resolve();

  next<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#atWork.then(work);
    // The caller sees a failure; the queue goes on.
    this.#atWork = done.catch(() => {});
    return done;
  }
}
