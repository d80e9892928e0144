// What the build was told about itself; the manifest passes it on from the environment.
#ifndef CBUILDINFORMATION_H
#define CBUILDINFORMATION_H

/// The commit that the program was built from, as DROPBLOCK_COMMIT gave it; "unknown" in a plain build.
const char *_Nonnull dropblock_commit(void);

/// The processor features that Swift code of this build uses, as /proc/cpuinfo names them, with spaces between.
///
/// Inline, because only a Swift file sees the instruction set that the package's Swift code is compiled for.
static inline const char *_Nonnull dropblock_required_features(void) {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
  return "avx2 fma avx512f avx512bw avx512dq avx512vl";
#elif defined(__AVX2__)
  return "avx2 fma";
#else
  return "";
#endif
}

#endif
