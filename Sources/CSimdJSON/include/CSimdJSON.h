#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The records of an index file, as they lie in memory and on disk.
typedef struct {
  int64_t id;
  /// 1 to CSJMaximumExtent pixels; 0 where the file does not say.
  int32_t width;
  int32_t height;
  /// Where the file does not say, the length is 0.
  uint64_t name_offset;
  uint32_t name_length;
  uint32_t annotation_count;
  uint64_t first_annotation;
} CSJImage;

typedef struct {
  int64_t id;
  int64_t category_id;
  double x, y, width, height;
  double area;
  int32_t is_crowd;
  int32_t reserved;
} CSJAnnotation;

typedef struct {
  int64_t id;
  uint64_t name_offset;
  uint64_t name_length;
} CSJCategory;

/// The start of an index file. Offsets are bytes from the start of the file; every section starts at a multiple of 8.
typedef struct {
  uint64_t magic;
  /// The fingerprint of everything behind this field; the caller of csj_build_index puts it in.
  uint64_t index_hash;
  uint64_t version;
  uint64_t content_hash;
  uint64_t content_size;
  uint64_t image_count, image_offset;
  uint64_t annotation_count, annotation_offset;
  uint64_t category_count, category_offset;
  uint64_t text_size, text_offset;
  uint64_t file_size;
} CSJHeader;

enum { CSJIndexVersion = 3, CSJMaximumExtent = 1 << 20 };
/// The largest coordinate of a box in pixels, far from where areas and single precision overflow.
static const double CSJMaximumCoordinate = 1e15;
static const uint64_t CSJIndexMagic = 0x7865646e49434f43;  // "COCIndex" in the order of the bytes

/// One line of a COCO results file.
typedef struct {
  int64_t image_id;
  int64_t category_id;
  double x, y, width, height;
  double score;
} CSJResult;

enum CSJStatus { CSJSuccess = 0, CSJBadData = 1, CSJMissingFile = 2, CSJCannotWrite = 3, CSJNotUTF8 = 4 };

/// Builds the index of the annotation file at `json_path` under the name `index_path`, which must not exist.
///
/// Images and categories are sorted by id, annotations by image and then in file order. On failure `message` says what
/// is wrong and where, without the file's name. Returns a CSJStatus.
int csj_build_index(const char* json_path, const char* index_path, uint64_t content_hash, char* message,
                    size_t message_capacity);

/// Reads a COCO results file; `*results` is to be released by csj_free_results. Returns a CSJStatus.
int csj_read_results(const char* json_path, CSJResult** results, size_t* count, char* message,
                     size_t message_capacity);

void csj_free_results(CSJResult* results);

#ifdef __cplusplus
}
#endif
