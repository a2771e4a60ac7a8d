/**
 * The iSCSI session of a serving owner ends and another begins: for the target that is a new initiator
 * port, which has no registration. The owner must not go on over it (a live mount never gains a
 * registration), stops, and the group is served under a newer epoch.
 */
import { Words } from '../words.ts';
import { type Act, failoverScenario, noteOutage } from './story.ts';

export const act: Act = async (all, report) => {
  const { lab } = all;
  const owner = await all.served();
  await all.answered();
  const before = await all.load.status();
  const guest = lab.guest(owner.id);
  report.say(`${owner.node}, epoch ${owner.epoch}, logs out and in`);
  const words = new Words(guest, report);
  await guest.ok('iscsiadm -m node -u >/dev/null && iscsiadm -m node -l >/dev/null');
  const told = await words.letsGo();
  report.check(
    'the owner says that it has lost its disk',
    /^(DISK|MONITOR|FILESYSTEM|APPLICATION)_|: /.test(told),
    told,
  );
  const next = await all.served({ after: owner.epoch });
  await all.answered();
  report.check(
    'it is served under a newer epoch',
    next.epoch > owner.epoch,
    `${next.node}, epoch ${next.epoch}`,
  );
  await noteOutage(all, report, before);
  await all.whole();
  const fit = await all
    .waitForStatus(
      next.id,
      ({ groups }) => groups[0]?.fitness.every((one) => one.fit) === true,
      'hears that every node is fit',
    )
    .then(
      () => '',
      (error: unknown) => String(error).slice(0, 2000),
    );
  report.check('the former owner could take it again', fit === '', fit);
};

export const loginAnew = failoverScenario({
  name: 'login-anew',
  about:
    'the iSCSI session of a live owner ends and another begins: it stops, a newer epoch serves',
  act,
});
