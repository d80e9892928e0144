#include "CSPNG.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spng_ctx {
  png_structp png;
  png_infop info;
  int is_writer, has_header;
  struct spng_ihdr header;
  // A file that is read, and how far; or one that is written, and its room.
  const uint8_t *source;
  uint8_t *written;
  size_t count, position, room;
};

static _Thread_local char last_error[160] = "ok";

static int failed(const char *reason) {
  snprintf(last_error, sizeof last_error, "%s", reason);
  return 1;
}
// libpng leaves a call that failed by this, for the setjmp of whoever called.
static void leave(png_structp png, png_const_charp reason) {
  failed(reason);
  png_longjmp(png, 1);
}
static void ignore(png_structp png, png_const_charp reason) { (void)png, (void)reason; }

static void read_bytes(png_structp png, png_bytep bytes, size_t count) {
  spng_ctx *context = png_get_io_ptr(png);
  if (count > context->count - context->position) png_error(png, "the file ends too early");
  memcpy(bytes, context->source + context->position, count);
  context->position += count;
}
static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
  spng_ctx *context = png_get_io_ptr(png);
  if (count > context->room - context->count) {
    size_t room = 2 * context->room + count;
    uint8_t *more = realloc(context->written, room);
    if (!more) png_error(png, "no memory for the file");
    context->written = more;
    context->room = room;
  }
  memcpy(context->written + context->count, bytes, count);
  context->count += count;
}
static void flush(png_structp png) { (void)png; }

spng_ctx *spng_ctx_new(int flags) {
  spng_ctx *context = calloc(1, sizeof *context);
  if (!context) return NULL;
  context->is_writer = flags & SPNG_CTX_ENCODER;
  context->png = context->is_writer ? png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, leave, ignore)
                                    : png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, leave, ignore);
  context->info = context->png ? png_create_info_struct(context->png) : NULL;
  if (!context->info) {
    spng_ctx_free(context);
    return NULL;
  }
  png_set_user_limits(context->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  if (context->is_writer) png_set_write_fn(context->png, context, write_bytes, flush);
  else png_set_read_fn(context->png, context, read_bytes);
  return context;
}
void spng_ctx_free(spng_ctx *context) {
  if (!context) return;
  if (context->is_writer) png_destroy_write_struct(&context->png, &context->info);
  else png_destroy_read_struct(&context->png, &context->info, NULL);
  free(context->written);
  free(context);
}
const char *spng_strerror(int status) { return status ? last_error : "ok"; }

int spng_set_chunk_limits(spng_ctx *context, size_t chunk, size_t cache) {
  (void)cache;
  png_set_chunk_malloc_max(context->png, chunk);
  return 0;
}
int spng_set_png_buffer(spng_ctx *context, const void *bytes, size_t count) {
  context->source = bytes;
  context->count = count;
  return 0;
}

int spng_get_ihdr(spng_ctx *context, struct spng_ihdr *header) {
  if (!context->has_header) {
    if (setjmp(png_jmpbuf(context->png))) return 1;
    png_read_info(context->png, context->info);
    png_uint_32 width, height;
    int depth, color, interlace, compression, filter;
    png_get_IHDR(context->png, context->info, &width, &height, &depth, &color, &interlace, &compression, &filter);
    context->header = (struct spng_ihdr){width, height, depth, color, compression, filter, interlace};
    context->has_header = 1;
  }
  if (header) *header = context->header;
  return 0;
}
int spng_decoded_image_size(spng_ctx *context, int format, size_t *bytes) {
  int status = spng_get_ihdr(context, NULL);
  if (status) return status;
  size_t row = format == SPNG_FMT_RGB8 ? (size_t)context->header.width * 3 : png_get_rowbytes(context->png, context->info);
  *bytes = row * context->header.height;
  return 0;
}
int spng_decode_image(spng_ctx *context, void *pixels, size_t bytes, int format, int flags) {
  (void)flags;
  size_t needed;
  int status = spng_decoded_image_size(context, format, &needed);
  if (status) return status;
  if (needed != bytes) return failed("a buffer of another size than the picture");
  const uint32_t height = context->header.height;
  png_bytep *rows = malloc(height * sizeof *rows);
  if (!rows) return failed("no memory for the rows");
  for (uint32_t y = 0; y < height; y++) rows[y] = (png_bytep)pixels + y * (bytes / height);
  if (setjmp(png_jmpbuf(context->png))) {
    free(rows);
    return 1;
  }
  if (format == SPNG_FMT_RGB8) {
    // As libspng: the upper 8 bits of 16, grey three times, transparency and gamma left out of account.
    png_set_strip_16(context->png);
    png_set_palette_to_rgb(context->png);
    png_set_expand_gray_1_2_4_to_8(context->png);
    png_set_gray_to_rgb(context->png);
    png_set_strip_alpha(context->png);
  }
  png_set_interlace_handling(context->png);
  png_read_update_info(context->png, context->info);
  if (png_get_rowbytes(context->png, context->info) != bytes / height) png_error(context->png, "rows of another size");
  png_read_image(context->png, rows);
  free(rows);
  return 0;
}

int spng_set_option(spng_ctx *context, enum spng_option option, int value) {
  (void)context, (void)option, (void)value;
  return 0;
}
int spng_set_ihdr(spng_ctx *context, struct spng_ihdr *header) {
  if (setjmp(png_jmpbuf(context->png))) return 1;
  context->header = *header;
  png_set_IHDR(
      context->png, context->info, header->width, header->height, header->bit_depth, header->color_type,
      header->interlace_method, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  return 0;
}
int spng_set_plte(spng_ctx *context, struct spng_plte *palette) {
  png_color colors[256];
  for (uint32_t i = 0; i < palette->n_entries; i++)
    colors[i] = (png_color){palette->entries[i].red, palette->entries[i].green, palette->entries[i].blue};
  if (setjmp(png_jmpbuf(context->png))) return 1;
  png_set_PLTE(context->png, context->info, colors, (int)palette->n_entries);
  return 0;
}
int spng_encode_image(spng_ctx *context, const void *pixels, size_t bytes, int format, int flags) {
  (void)format, (void)flags;
  if (setjmp(png_jmpbuf(context->png))) return 1;
  png_write_info(context->png, context->info);
  const uint32_t height = context->header.height;
  if (!height || bytes % height || png_get_rowbytes(context->png, context->info) != bytes / height)
    png_error(context->png, "pixels of another size than the picture");
  for (uint32_t y = 0; y < height; y++)
    png_write_row(context->png, (png_const_bytep)pixels + y * (bytes / height));
  png_write_end(context->png, context->info);
  return 0;
}
void *spng_get_png_buffer(spng_ctx *context, size_t *bytes, int *status) {
  uint8_t *file = context->written;
  *bytes = context->count;
  *status = file ? 0 : failed("no file was written");
  context->written = NULL;
  return file;
}
