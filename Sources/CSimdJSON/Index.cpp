#include <algorithm>
#include <unordered_map>
#include <vector>

#include "Reading.hpp"

using namespace reading;

namespace {

struct Index {
  std::vector<CSJImage> images;
  std::vector<CSJAnnotation> annotations;
  /// The image id of each annotation, in file order.
  std::vector<int64_t> owners;
  /// Which annotation comes first, second and so on when they are ordered by image.
  std::vector<uint32_t> order;
  std::vector<CSJCategory> categories;
  std::string text;

  uint64_t append(std::string_view string) {
    uint64_t offset = text.size();
    text.append(string);
    return offset;
  }
};

/// The list under a key of the whole.
ondemand::array list_of(ondemand::value value, const char* name, Document& document) {
  Place place{name};
  ondemand::array array;
  if (auto error = value.get_array().get(array)) {
    if (error != simdjson::INCORRECT_TYPE) broken(error, document.root, document.file, place);
    mistyped(value, place, name, "a list");
  }
  return array;
}

void read_images(Index& index, ondemand::value value, Document& document) {
  enum { ID, FileName, Width, Height, KeyCount };
  static const char* const names[] = {"id", "file_name", "width", "height"};
  ondemand::array list = list_of(value, "images", document);
  for_each_object(list, "images", document, [&](ondemand::object& object, Place& place) {
    CSJImage image{};
    Keys<KeyCount> keys(names);
    for_each_field(object, keys, document, place, [&](int key, ondemand::value value) {
      if (key == ID) {
        place.id = image.id = integer(value, place, "id");
        place.has_id = true;
      } else if (is_null(value)) {
        return;
      } else if (key == FileName) {
        auto name = text(value, place, "file_name");
        image.name_offset = index.append(name);
        image.name_length = uint32_t(name.size());
      } else {
        int64_t extent = integer(value, place, names[key]);
        // Only who opens the picture needs its size, and refuses it then.
        int32_t usable = extent < 1 || extent > CSJMaximumExtent ? 0 : int32_t(extent);
        (key == Width ? image.width : image.height) = usable;
      }
    });
    keys.require(1, place);
    index.images.push_back(image);
  });
}

void read_annotations(Index& index, ondemand::value value, Document& document) {
  enum { ID, ImageID, CategoryID, Box, Area, IsCrowd, KeyCount };
  static const char* const names[] = {"id", "image_id", "category_id", "bbox", "area", "iscrowd"};
  ondemand::array list = list_of(value, "annotations", document);
  for_each_object(list, "annotations", document, [&](ondemand::object& object, Place& place) {
    CSJAnnotation annotation{};
    int64_t owner = 0;
    Keys<KeyCount> keys(names);
    for_each_field(object, keys, document, place, [&](int key, ondemand::value value) {
      switch (key) {
        case ID:
          place.id = annotation.id = integer(value, place, names[key]);
          place.has_id = true;
          break;
        case ImageID: owner = integer(value, place, names[key]); break;
        case CategoryID: annotation.category_id = integer(value, place, names[key]); break;
        case Area: annotation.area = number(value, place, names[key]); break;
        case IsCrowd:
          bool flag;
          annotation.is_crowd = value.get_bool().get(flag) ? integer(value, place, names[key]) != 0 : flag;
          break;
        case Box: box(value, place, annotation);
      }
    });
    keys.require(Area, place);
    for (double coordinate : {annotation.x, annotation.y, annotation.width, annotation.height}) {
      if (std::fabs(coordinate) <= CSJMaximumCoordinate) continue;
      char number[32];
      snprintf(number, sizeof number, "%g", coordinate);
      throw Failure{CSJBadData, place.text() + ": \"bbox\" holds " + number +
                                    ", expected numbers of pixels up to 1e15; mend or remove the annotation"};
    }
    if (!keys.has(Area)) annotation.area = annotation.width * annotation.height;
    index.annotations.push_back(annotation);
    index.owners.push_back(owner);
  });
}

void read_categories(Index& index, ondemand::value value, Document& document) {
  enum { ID, Name, KeyCount };
  static const char* const names[] = {"id", "name"};
  ondemand::array list = list_of(value, "categories", document);
  for_each_object(list, "categories", document, [&](ondemand::object& object, Place& place) {
    CSJCategory category{};
    Keys<KeyCount> keys(names);
    for_each_field(object, keys, document, place, [&](int key, ondemand::value value) {
      if (key == ID) {
        place.id = category.id = integer(value, place, "id");
        place.has_id = true;
      } else if (!is_null(value)) {
        auto name = text(value, place, "name");
        category.name_offset = index.append(name);
        category.name_length = name.size();
      }
    });
    keys.require(1, place);
    index.categories.push_back(category);
  });
}

Index parse(Document& document) {
  Index index;
  // Untouched reserve costs no memory; an annotation with its polygon takes about 500 bytes of COCO's files.
  index.annotations.reserve(document.file.size() / 400);
  index.owners.reserve(document.file.size() / 400);
  enum { Images, Annotations, Categories, KeyCount };
  static const char* const names[] = {"images", "annotations", "categories"};
  Place place;
  Keys<KeyCount> keys(names);
  ondemand::object root = document.object("an object with images, annotations and categories");
  for_each_field(root, keys, document, place, [&](int key, ondemand::value value) {
    switch (key) {
      case Images: read_images(index, value, document); break;
      case Annotations: read_annotations(index, value, document); break;
      case Categories: read_categories(index, value, document);
    }
  });
  document.require_end();
  keys.require(KeyCount, place);
  return index;
}

/// Sorts records by id and refuses an id that occurs twice.
template <typename Record>
void sort_by_id(std::vector<Record>& records, const char* name) {
  std::vector<int64_t> ids;
  ids.reserve(records.size());
  for (const Record& record : records) ids.push_back(record.id);
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.id < b.id; });
  for (size_t i = 1; i < records.size(); i++) {
    int64_t id = records[i].id;
    if (id != records[i - 1].id) continue;
    auto first = std::find(ids.begin(), ids.end(), id);
    auto second = std::find(first + 1, ids.end(), id);
    throw Failure{CSJBadData, Place{name, long(first - ids.begin())}.text() + " and [" +
                                  std::to_string(second - ids.begin()) + "]: id " + std::to_string(id) +
                                  " occurs twice; give each an id of its own, or remove one"};
  }
}

/// The ids of categories, of many the first and the last.
std::string listed(const std::vector<CSJCategory>& categories) {
  if (categories.empty()) return "";
  std::string text = " (";
  for (size_t i = 0; i < categories.size(); i++) {
    if (i >= 5 && i + 1 < categories.size()) continue;
    text += (i == 0 ? "" : i > 5 ? ", ..., " : ", ") + std::to_string(categories[i].id);
  }
  return text + ")";
}

/// Sorts everything, checks every reference, and orders the annotations by image.
void resolve(Index& index) {
  sort_by_id(index.images, "images");
  sort_by_id(index.categories, "categories");
  std::unordered_map<int64_t, uint32_t> position;
  position.reserve(index.images.size() * 2);
  for (size_t i = 0; i < index.images.size(); i++) position[index.images[i].id] = uint32_t(i);
  std::vector<uint32_t> owner(index.annotations.size());
  for (size_t i = 0; i < index.annotations.size(); i++) {
    const CSJAnnotation& annotation = index.annotations[i];
    Place place{"annotations", long(i), true, annotation.id};
    auto image = position.find(index.owners[i]);
    if (image == position.end()) {
      throw Failure{CSJBadData, place.text() + ": \"image_id\" " + std::to_string(index.owners[i]) +
                                    " is the id of no image; remove the annotation or add the image"};
    }
    bool known = std::binary_search(index.categories.begin(), index.categories.end(),
                                    CSJCategory{annotation.category_id, 0, 0},
                                    [](const CSJCategory& a, const CSJCategory& b) { return a.id < b.id; });
    if (!known) {
      throw Failure{CSJBadData, place.text() + ": \"category_id\" " + std::to_string(annotation.category_id) +
                                    " is the id of none of the " + std::to_string(index.categories.size()) +
                                    " categories" + listed(index.categories) +
                                    "; correct it, add the category or remove the annotation"};
    }
    owner[i] = image->second;
    index.images[image->second].annotation_count++;
  }
  uint64_t first = 0;
  for (CSJImage& image : index.images) {
    image.first_annotation = first;
    first += image.annotation_count;
  }
  std::vector<uint64_t> next(index.images.size());
  for (size_t i = 0; i < next.size(); i++) next[i] = index.images[i].first_annotation;
  index.order.resize(index.annotations.size());
  for (size_t i = 0; i < index.order.size(); i++) index.order[next[owner[i]]++] = uint32_t(i);
}

void write(const Index& index, const PaddedFile& source, uint64_t hash, const char* path) {
  CSJHeader header{};
  header.magic = CSJIndexMagic;
  header.version = CSJIndexVersion;
  header.content_hash = hash;
  header.content_size = source.size();
  header.image_count = index.images.size();
  header.image_offset = sizeof(CSJHeader);
  header.annotation_count = index.annotations.size();
  header.annotation_offset = header.image_offset + index.images.size() * sizeof(CSJImage);
  header.category_count = index.categories.size();
  header.category_offset = header.annotation_offset + index.annotations.size() * sizeof(CSJAnnotation);
  header.text_size = index.text.size();
  header.text_offset = header.category_offset + index.categories.size() * sizeof(CSJCategory);
  header.file_size = header.text_offset + header.text_size;
  FILE* out = fopen(path, "wxbe");
  if (!out) throw Failure{CSJCannotWrite, std::string(path) + ": cannot be written: " + strerror(errno)};
  auto put = [&](const void* data, size_t size) { return size == 0 || fwrite(data, size, 1, out) == 1; };
  bool complete = put(&header, sizeof header) && put(index.images.data(), index.images.size() * sizeof(CSJImage));
  for (size_t i = 0; complete && i < index.order.size(); i++) {
    complete = put(&index.annotations[index.order[i]], sizeof(CSJAnnotation));
  }
  complete = complete && put(index.categories.data(), index.categories.size() * sizeof(CSJCategory)) &&
                  put(index.text.data(), index.text.size());
  int reason = errno;
  if (fclose(out) != 0 && complete) {
    complete = false;
    reason = errno;
  }
  if (!complete) {
    unlink(path);
    throw Failure{CSJCannotWrite, std::string(path) + ": cannot be written: " + strerror(reason)};
  }
}

}  // namespace

extern "C" int csj_build_index(const char* json_path, const char* index_path, uint64_t content_hash, char* message,
                               size_t message_capacity) {
  return reporting(message, message_capacity, [&] {
    Document document(json_path);
    Index index = parse(document);
    resolve(index);
    write(index, document.file, content_hash, index_path);
  });
}
