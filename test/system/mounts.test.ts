import { describe, expect, it } from 'vitest';
import { isReadOnly, mountAt, mounts, parseMountInfo } from '../../src/system/mounts.ts';
import { parseSuperblock } from '../../src/system/superblock.ts';

const TABLE = [
  '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
  '36 22 8:16 / /srv/my\\040data rw,noatime - xfs /dev/sdb rw,attr2,inode64',
  '37 22 8:32 / /srv/old rw - ext4 /dev/sdc ro',
  '38 22 0:5 /sub /mnt ro shared:7 master:2 - tmpfs tmp\\134fs rw',
].join('\n');

describe('the mount table', () => {
  it('is read with blanks, backslashes and any number of optional fields', () => {
    const [, data, old, bind] = parseMountInfo(`${TABLE}\nnonsense\n`);
    expect(data).toMatchObject({ device: '8:16', directory: '/srv/my data', type: 'xfs' });
    expect(data?.superOptions).toContain('inode64');
    expect(bind).toMatchObject({ directory: '/mnt', source: 'tmp\\fs' });
    expect([data, old, bind].map((mount) => mount && isReadOnly(mount))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('of this machine has a root', () => {
    expect(mounts().length).toBeGreaterThan(0);
    expect(mountAt('/')).not.toBeNull();
    expect(mountAt('/no/such/place')).toBeNull();
  });
});

describe('a superblock', () => {
  const ext = (change: (block: Buffer) => void) => {
    const block = Buffer.alloc(4096);
    block.writeUInt16LE(0xef53, 1024 + 0x38);
    change(block);
    return parseSuperblock(block);
  };

  it('of ext4 tells of its journal', () => {
    expect(ext((block) => block.writeUInt32LE(0x4 | 0x38, 1024 + 0x5c))).toMatchObject({
      type: 'ext',
      journal: true,
      defaultOptions: [],
    });
    expect(ext((block) => block.writeUInt32LE(0x38, 1024 + 0x5c)).journal).toBe(false);
  });

  it('of ext4 tells of options that the mount table hides', () => {
    expect(ext((block) => block.writeUInt32LE(0x100, 1024 + 0x100)).defaultOptions).toEqual([
      'nobarrier',
    ]);
    const text = ext((block) => block.write('noatime,barrier=0', 1024 + 0x200));
    expect(text.defaultOptions).toEqual(['noatime', 'barrier=0']);
  });

  it('of XFS, and of nothing, is told apart', () => {
    const xfs = Buffer.alloc(4096);
    xfs.write('XFSB');
    expect(parseSuperblock(xfs)).toMatchObject({ type: 'xfs', journal: true });
    expect(parseSuperblock(Buffer.alloc(4096)).type).toBe('unknown');
  });
});
