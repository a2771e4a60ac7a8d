/** The words of `holdfast disk`. */
import { type Command, Option } from 'commander';
import type { Act } from './command.ts';
import type { FormatWords } from './disk-format.ts';
import type { ReleaseWords } from './disk-release.ts';
import type { AttendWords, VerifyWords } from './disk-verify.ts';

/** What is done to a disk that no group uses. */
export function addDisk(program: Command, act: Act): void {
  const disk = program.command('disk').description('disks that no group uses');
  disk
    .command('verify')
    .description('try whether a disk keeps what fencing needs of it; destroys nothing')
    .argument('<device>', '/dev/…, an identity such as naa.6001405…, or emulated:SOCKET#LUN')
    .option('--with <node>', 'second half: this node is asked by ssh to try its path too')
    .option('--with-command <command>', 'a shell command that runs `holdfast disk attend` there')
    .option('--second <device>', 'second half: another path of this machine, as another initiator')
    .option('--scratch', 'the data do not matter: write others, and put the old ones back')
    .addOption(
      new Option('--power-loss <half>', 'only this: leave a reservation, or look at it').choices([
        'begin',
        'end',
      ]),
    )
    .action((device: string, options: VerifyWords) =>
      act(async (context) =>
        (await import('./disk-verify.ts')).verifyDisk(context, device, options),
      ),
    );
  disk
    .command('attend')
    .description('the far side of `disk verify --with`: answers on its standard output')
    .argument('<device>', '/dev/…, an identity, or emulated:SOCKET#LUN')
    .option('--initiator <name>', 'initiator port on an emulated disk', 'attend')
    .action((device: string, options: AttendWords) =>
      act(async (context) =>
        (await import('./disk-verify.ts')).attendDisk(context, device, options),
      ),
    );
  disk
    .command('release')
    .description('take every reservation key off a disk; without --force say what is there')
    .argument('<device>', '/dev/…, an identity, or emulated:SOCKET#LUN')
    .option('--force', 'do it: no machine that held the disk can come back and write')
    .action((device: string, options: ReleaseWords) =>
      act(async (context) =>
        (await import('./disk-release.ts')).releaseDisk(context, device, options),
      ),
    );
  disk
    .command('format')
    .description('make a file system with a small journal on a disk that nobody uses')
    .argument('<device>', '/dev/…, or an identity')
    .addOption(
      new Option('--type <type>', 'of the file system').choices(['ext4', 'xfs']).default('ext4'),
    )
    .option('--label <label>', 'name of the file system, at most 12 letters')
    .option('--force', 'also when the disk carries data')
    .action((device: string, options: FormatWords) =>
      act(async (context) =>
        (await import('./disk-format.ts')).formatDisk(context, device, options),
      ),
    );
}
