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

/// Calls `body` with the object and the place of every element of a list of objects.
template <typename Body>
void for_each_object(ondemand::value list, const char* name, ondemand::document& document, const PaddedFile& file,
                     Body body) {
  Place place{name};
  ondemand::array array;
  if (auto error = list.get_array().get(array)) {
    if (error != simdjson::INCORRECT_TYPE) broken(error, document, file, place);
    mistyped(list, place, name, "a list");
  }
  for (auto element : array) {
    place.index++;
    place.has_id = false;
    ondemand::value value;
    if (auto error = element.get(value)) broken(error, document, file, place);
    ondemand::object object;
    if (auto error = value.get_object().get(object)) {
      if (error != simdjson::INCORRECT_TYPE) broken(error, document, file, place);
      throw Failure{CSJBadData, place.text() + " is " + found(value) + ", expected an object"};
    }
    body(object, place);
  }
}

/// Calls `body` with the key and the value of every field; `body` leaves alone what it does not know.
template <typename Body>
void for_each_field(ondemand::object& object, ondemand::document& document, const PaddedFile& file, Place& place,
                    Body body) {
  for (auto entry : object) {
    ondemand::field field;
    if (auto error = std::move(entry).get(field)) broken(error, document, file, place);
    auto key = field.key();
    body(key, field.value());
  }
}

void read_images(Index& index, ondemand::value list, ondemand::document& document, const PaddedFile& file) {
  static const char* const keys[] = {"id", "file_name", "width", "height"};
  for_each_object(list, "images", document, file, [&](ondemand::object& object, Place& place) {
    CSJImage image{};
    unsigned seen = 0;
    for_each_field(object, document, file, place, [&](ondemand::raw_json_string key, ondemand::value value) {
      if (key == "id") {
        place.id = image.id = integer(value, place, "id");
        place.has_id = true;
        seen |= 1;
      } else if (key == "file_name") {
        auto name = text(value, place, "file_name");
        image.name_offset = index.append(name);
        image.name_length = uint32_t(name.size());
        seen |= 2;
      } else if (key == "width" || key == "height") {
        bool is_width = key == "width";
        int64_t extent = integer(value, place, is_width ? "width" : "height");
        if (extent < 1 || extent > 1 << 20) {
          throw Failure{CSJBadData, place.text() + ": \"" + (is_width ? "width" : "height") + "\" is " +
                                        std::to_string(extent) + ", expected 1 to 1048576"};
        }
        (is_width ? image.width : image.height) = int32_t(extent);
        seen |= is_width ? 4 : 8;
      }
    });
    require_keys(seen, keys, 4, place);
    index.images.push_back(image);
  });
}

void read_annotations(Index& index, ondemand::value list, ondemand::document& document, const PaddedFile& file) {
  static const char* const keys[] = {"id", "image_id", "category_id", "bbox"};
  for_each_object(list, "annotations", document, file, [&](ondemand::object& object, Place& place) {
    CSJAnnotation annotation{};
    int64_t owner = 0;
    unsigned seen = 0;
    bool has_area = false;
    for_each_field(object, document, file, place, [&](ondemand::raw_json_string key, ondemand::value value) {
      if (key == "id") {
        place.id = annotation.id = integer(value, place, "id");
        place.has_id = true;
        seen |= 1;
      } else if (key == "image_id") {
        owner = integer(value, place, "image_id");
        seen |= 2;
      } else if (key == "category_id") {
        annotation.category_id = integer(value, place, "category_id");
        seen |= 4;
      } else if (key == "bbox") {
        double values[4];
        box(value, place, values);
        annotation.x = values[0];
        annotation.y = values[1];
        annotation.width = values[2];
        annotation.height = values[3];
        seen |= 8;
      } else if (key == "area") {
        annotation.area = number(value, place, "area");
        has_area = true;
      } else if (key == "iscrowd") {
        bool flag;
        annotation.is_crowd = value.get_bool().get(flag) ? integer(value, place, "iscrowd") != 0 : flag;
      }
    });
    require_keys(seen, keys, 4, place);
    if (!has_area) annotation.area = annotation.width * annotation.height;
    index.annotations.push_back(annotation);
    index.owners.push_back(owner);
  });
}

void read_categories(Index& index, ondemand::value list, ondemand::document& document, const PaddedFile& file) {
  static const char* const keys[] = {"id", "name"};
  for_each_object(list, "categories", document, file, [&](ondemand::object& object, Place& place) {
    CSJCategory category{};
    unsigned seen = 0;
    for_each_field(object, document, file, place, [&](ondemand::raw_json_string key, ondemand::value value) {
      if (key == "id") {
        place.id = category.id = integer(value, place, "id");
        place.has_id = true;
        seen |= 1;
      } else if (key == "name") {
        auto name = text(value, place, "name");
        category.name_offset = index.append(name);
        category.name_length = name.size();
        seen |= 2;
      }
    });
    require_keys(seen, keys, 2, place);
    index.categories.push_back(category);
  });
}

Index parse(const PaddedFile& file) {
  Index index;
  // Untouched reserve costs no memory; an annotation with its polygon takes about 500 bytes of COCO's files.
  index.annotations.reserve(file.size() / 400);
  index.owners.reserve(file.size() / 400);
  Place place;
  ondemand::parser parser;
  ondemand::document document;
  if (auto error = parser.iterate(file.view()).get(document)) {
    throw Failure{CSJBadData, std::string("not complete or not valid JSON (") + simdjson::error_message(error) +
                                  "); fetch or write the file again"};
  }
  ondemand::object root;
  if (auto error = document.get_object().get(root)) {
    if (error != simdjson::INCORRECT_TYPE) broken(error, document, file, place);
    throw Failure{CSJBadData, "expected an object with images, annotations and categories"};
  }
  unsigned seen = 0;
  for_each_field(root, document, file, place, [&](ondemand::raw_json_string key, ondemand::value value) {
    if (key == "images") {
      read_images(index, value, document, file);
      seen |= 1;
    } else if (key == "annotations") {
      read_annotations(index, value, document, file);
      seen |= 2;
    } else if (key == "categories") {
      read_categories(index, value, document, file);
      seen |= 4;
    }
  });
  static const char* const keys[] = {"images", "annotations", "categories"};
  require_keys(seen, keys, 3, place);
  return index;
}

/// Sorts records by id and refuses an id that occurs twice.
template <typename Record>
void sort_by_id(std::vector<Record>& records, const char* name) {
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.id < b.id; });
  for (size_t i = 1; i < records.size(); i++) {
    if (records[i].id == records[i - 1].id) {
      throw Failure{CSJBadData, std::string(name) + ": id " + std::to_string(records[i].id) + " occurs twice"};
    }
  }
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
                                    " categories"};
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
    PaddedFile file(json_path);
    Index index = parse(file);
    resolve(index);
    write(index, file, content_hash, index_path);
  });
}
