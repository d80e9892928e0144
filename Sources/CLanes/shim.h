// What Swift's own vectors do one lane at a time: sixteen bfloat16 numbers to floats and back, which compile to two
// instructions and to eight, square roots, and the shuffles of transpositions.
#pragma once
#include <string.h>

typedef float shim_lanes __attribute__((ext_vector_type(16)));
typedef unsigned short shim_half_words __attribute__((ext_vector_type(16)));
typedef unsigned int shim_words __attribute__((ext_vector_type(16)));

// Floats of the registers that this program is compiled for.
static inline int shim_register_floats(void) {
#ifdef __AVX512F__
  return 16;
#else
  return 8;
#endif
}

// Asks for the cache line of an address, which is read soon.
static inline void shim_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }
// The same for a line that is written soon.
static inline void shim_prefetch_to_write(const void *address) { __builtin_prefetch(address, 1, 3); }

// The sixteen numbers that start at an address; no alignment is assumed.
static inline shim_lanes shim_bfloat16_load(const void *address) {
  shim_half_words halves;
  memcpy(&halves, address, sizeof(halves));
  shim_words words = __builtin_convertvector(halves, shim_words) << 16;
  shim_lanes lanes;
  memcpy(&lanes, &words, sizeof(lanes));
  return lanes;
}

// Rounds to nearest, ties to even, and writes; NaN stays NaN.
static inline void shim_bfloat16_store(void *address, shim_lanes lanes) {
  shim_words words;
  memcpy(&words, &lanes, sizeof(words));
  shim_words rounded = (words + 0x7fff + ((words >> 16) & 1)) >> 16;
  shim_words quiet = (words >> 16) | 0x40;
  shim_words is_nan = (shim_words)(lanes != lanes);
  shim_half_words halves = __builtin_convertvector((rounded & ~is_nan) | (quiet & is_nan), shim_half_words);
  memcpy(address, &halves, sizeof(halves));
}

// The square root of each lane, rounded as IEEE 754 says.
static inline shim_lanes shim_square_roots(shim_lanes lanes) {
#if __has_builtin(__builtin_elementwise_sqrt)
  return __builtin_elementwise_sqrt(lanes);
#else  // clang 17
  shim_lanes roots;
  for (int lane = 0; lane < 16; lane++) roots[lane] = __builtin_sqrtf(lanes[lane]);
  return roots;
#endif
}

// The lanes of two vectors in turns: of their first halves, and of their second halves.
static inline shim_lanes shim_interleave_first(shim_lanes a, shim_lanes b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
static inline shim_lanes shim_interleave_second(shim_lanes a, shim_lanes b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
