#include <vector>

#include "Reading.hpp"

using namespace reading;

namespace {

std::vector<CSJResult> parse(Document& document) {
  enum { ImageID, CategoryID, Box, Score, KeyCount };
  static const char* const names[] = {"image_id", "category_id", "bbox", "score"};
  std::vector<CSJResult> results;
  ondemand::array list = document.array("a list of {image_id, category_id, bbox, score}");
  for_each_object(list, "results", document, [&](ondemand::object& object, Place& place) {
    CSJResult result{};
    Keys<KeyCount> keys(names);
    for_each_field(object, keys, document, place, [&](int key, ondemand::value value) {
      switch (key) {
        case ImageID: result.image_id = integer(value, place, names[key]); break;
        case CategoryID: result.category_id = integer(value, place, names[key]); break;
        case Score: result.score = number(value, place, names[key]); break;
        case Box: box(value, place, result);
      }
    });
    keys.require(KeyCount, place);
    results.push_back(result);
  });
  document.require_end();
  return results;
}

}  // namespace

extern "C" int csj_read_results(const char* json_path, CSJResult** results, size_t* count, char* message,
                                size_t message_capacity) {
  return reporting(message, message_capacity, [&] {
    Document document(json_path);
    std::vector<CSJResult> parsed = parse(document);
    *count = parsed.size();
    *results = static_cast<CSJResult*>(malloc(std::max<size_t>(1, parsed.size()) * sizeof(CSJResult)));
    if (!*results) throw Failure{CSJBadData, "too many results for the memory"};
    if (!parsed.empty()) memcpy(*results, parsed.data(), parsed.size() * sizeof(CSJResult));
  });
}

extern "C" void csj_free_results(CSJResult* results) { free(results); }
