/* Between `sg-shim.c` and `nexus.c`, which are built together and run on one machine: plain structures. */
#include <stdint.h>

enum { WIRE_LIMIT = 1 << 20 };

struct wire_request {
  uint8_t cdb[16];
  uint8_t cdb_length;
  uint8_t reset; /* LOGICAL UNIT RESET instead of a command */
  uint8_t out;   /* `length` bytes follow; else up to `length` bytes are wanted */
  uint8_t unused;
  uint32_t length;
};

struct wire_reply {
  uint8_t lost; /* it did not come back: whether it was executed is unknown */
  uint8_t status;
  uint8_t sense_key, asc, ascq;
  uint8_t unused[3];
  uint32_t length; /* bytes of the device that follow */
};
