/* reservations URL: READ KEYS and READ RESERVATION by an initiator that is registered for nothing. */
#include <inttypes.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdio.h>

int main(int argc, char **argv) {
  struct iscsi_context *session = iscsi_create_context("iqn.2026-01.lab:observer");
  struct iscsi_url *url = argc == 2 ? iscsi_parse_full_url(session, argv[1]) : NULL;
  if (!url) return 2;
  iscsi_set_targetname(session, url->target);
  iscsi_set_session_type(session, ISCSI_SESSION_NORMAL);
  iscsi_set_timeout(session, 4);
  if (iscsi_full_connect_sync(session, url->portal, url->lun)) return 1;
  struct scsi_task *task =
      iscsi_persistent_reserve_in_sync(session, url->lun, SCSI_PERSISTENT_RESERVE_READ_KEYS, 4096);
  struct scsi_persistent_reserve_in_read_keys *keys = task ? scsi_datain_unmarshall(task) : NULL;
  if (!keys) return 1;
  for (int i = 0; i < keys->num_keys; i++) printf("key %" PRIx64 "\n", keys->keys[i]);
  task = iscsi_persistent_reserve_in_sync(session, url->lun, SCSI_PERSISTENT_RESERVE_READ_RESERVATION, 64);
  struct scsi_persistent_reserve_in_read_reservation *held = task ? scsi_datain_unmarshall(task) : NULL;
  if (!held) return 1;
  if (held->reserved) printf("holder %" PRIx64 " %d\n", held->reservation_key, held->pr_type);
  iscsi_logout_sync(session);
  return 0;
}
