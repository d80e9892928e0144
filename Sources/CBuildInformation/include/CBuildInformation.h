// What the build was told about itself; the manifest passes it on from the environment.
#ifndef CBUILDINFORMATION_H
#define CBUILDINFORMATION_H

/// The commit that the program was built from, as DROPBLOCK_COMMIT gave it; "unknown" in a plain build.
const char *_Nonnull dropblock_commit(void);

#endif
