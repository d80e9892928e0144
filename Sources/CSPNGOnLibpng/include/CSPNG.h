// The calls of libspng that this package makes, for systems that have libpng alone (RHEL with EPEL); names and numbers are
// libspng's, so that nothing above knows which library reads. Pixels are the same; of broken files libpng refuses some that libspng
// takes (a wrong checksum or missing bytes behind the last pixel, a second palette).
#ifndef CSPNG_H
#define CSPNG_H
#include <stddef.h>
#include <stdint.h>

typedef struct spng_ctx spng_ctx;

enum spng_ctx_flags { SPNG_CTX_ENCODER = 2 };
enum spng_format { SPNG_FMT_RGB8 = 4, SPNG_FMT_PNG = 256 };
enum spng_encode_flags { SPNG_ENCODE_FINALIZE = 2 };
enum spng_option { SPNG_ENCODE_TO_BUFFER = 12 };
enum spng_color_type {
  SPNG_COLOR_TYPE_GRAYSCALE = 0,
  SPNG_COLOR_TYPE_TRUECOLOR = 2,
  SPNG_COLOR_TYPE_INDEXED = 3,
  SPNG_COLOR_TYPE_GRAYSCALE_ALPHA = 4,
  SPNG_COLOR_TYPE_TRUECOLOR_ALPHA = 6
};
struct spng_ihdr {
  uint32_t width, height;
  uint8_t bit_depth, color_type, compression_method, filter_method, interlace_method;
};
struct spng_plte_entry {
  uint8_t red, green, blue, alpha;
};
struct spng_plte {
  uint32_t n_entries;
  struct spng_plte_entry entries[256];
};

spng_ctx *spng_ctx_new(int flags);
void spng_ctx_free(spng_ctx *context);
// What went wrong last on this thread; "ok" for 0.
const char *spng_strerror(int status);

int spng_set_chunk_limits(spng_ctx *context, size_t chunk, size_t cache);
int spng_set_png_buffer(spng_ctx *context, const void *bytes, size_t count);
int spng_get_ihdr(spng_ctx *context, struct spng_ihdr *header);
int spng_decoded_image_size(spng_ctx *context, int format, size_t *bytes);
int spng_decode_image(spng_ctx *context, void *pixels, size_t bytes, int format, int flags);

int spng_set_option(spng_ctx *context, enum spng_option option, int value);
int spng_set_ihdr(spng_ctx *context, struct spng_ihdr *header);
int spng_set_plte(spng_ctx *context, struct spng_plte *palette);
int spng_encode_image(spng_ctx *context, const void *pixels, size_t bytes, int format, int flags);
// The file, which the caller frees.
void *spng_get_png_buffer(spng_ctx *context, size_t *bytes, int *status);
#endif
