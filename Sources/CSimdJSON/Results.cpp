#include <vector>

#include "Reading.hpp"

using namespace reading;

namespace {

std::vector<CSJResult> parse(const PaddedFile& file) {
  static const char* const keys[] = {"image_id", "category_id", "bbox", "score"};
  std::vector<CSJResult> results;
  Place place{"results"};
  ondemand::parser parser;
  ondemand::document document;
  if (auto error = parser.iterate(file.view()).get(document)) {
    throw Failure{CSJBadData, std::string("not complete or not valid JSON (") + simdjson::error_message(error) +
                                  "); fetch or write the file again"};
  }
  ondemand::array list;
  if (auto error = document.get_array().get(list)) {
    if (error != simdjson::INCORRECT_TYPE) broken(error, document, file, place);
    throw Failure{CSJBadData, "expected a list of {image_id, category_id, bbox, score}"};
  }
  for (auto element : list) {
    place.index++;
    ondemand::value value;
    if (auto error = element.get(value)) broken(error, document, file, place);
    ondemand::object object;
    if (auto error = value.get_object().get(object)) {
      if (error != simdjson::INCORRECT_TYPE) broken(error, document, file, place);
      throw Failure{CSJBadData, place.text() + " is " + found(value) + ", expected an object"};
    }
    CSJResult result{};
    unsigned seen = 0;
    for (auto entry : object) {
      ondemand::field field;
      if (auto error = std::move(entry).get(field)) broken(error, document, file, place);
      auto key = field.key();
      if (key == "image_id") {
        result.image_id = integer(field.value(), place, "image_id");
        seen |= 1;
      } else if (key == "category_id") {
        result.category_id = integer(field.value(), place, "category_id");
        seen |= 2;
      } else if (key == "bbox") {
        double values[4];
        box(field.value(), place, values);
        result.x = values[0];
        result.y = values[1];
        result.width = values[2];
        result.height = values[3];
        seen |= 4;
      } else if (key == "score") {
        result.score = number(field.value(), place, "score");
        seen |= 8;
      }
    }
    require_keys(seen, keys, 4, place);
    results.push_back(result);
  }
  return results;
}

}  // namespace

extern "C" int csj_read_results(const char* json_path, CSJResult** results, size_t* count, char* message,
                                size_t message_capacity) {
  return reporting(message, message_capacity, [&] {
    PaddedFile file(json_path);
    std::vector<CSJResult> parsed = parse(file);
    *count = parsed.size();
    *results = static_cast<CSJResult*>(malloc(std::max<size_t>(1, parsed.size()) * sizeof(CSJResult)));
    if (!*results) throw Failure{CSJBadData, "too many results for the memory"};
    if (!parsed.empty()) memcpy(*results, parsed.data(), parsed.size() * sizeof(CSJResult));
  });
}

extern "C" void csj_free_results(CSJResult* results) { free(results); }
