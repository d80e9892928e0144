#include "CBuildInformation.h"

const char *dropblock_commit(void) { return DROPBLOCK_COMMIT; }
