#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

// simdjson checks its own use in builds without NDEBUG, at many times the cost.
#ifndef NDEBUG
#define NDEBUG 1
#endif
#define SIMDJSON_DEVELOPMENT_CHECKS 0
#include <simdjson.h>

#include "CSimdJSON.h"

namespace reading {

namespace ondemand = simdjson::ondemand;

/// What went wrong, thrown inside this target only.
struct Failure {
  CSJStatus status;
  std::string message;
};

/// A file mapped with the readable bytes behind its end that simdjson asks for, without copying it.
///
/// A byte-order mark of UTF-8 at its start is no part of the text, but counts in positions.
class PaddedFile {
 public:
  explicit PaddedFile(const char* path) {
    // Opening a pipe must not wait for its writer.
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0) throw Failure{CSJMissingFile, std::string("cannot be opened: ") + strerror(errno)};
    struct stat status;
    bool regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (!regular || status.st_size == 0) {
      close(descriptor);
      throw Failure{CSJBadData, regular ? "the file is empty; fetch or write it again" : "is not a regular file"};
    }
    size_ = size_t(status.st_size);
    size_t page = size_t(sysconf(_SC_PAGESIZE));
    mapped_ = (size_ + simdjson::SIMDJSON_PADDING + page - 1) / page * page;
    // The file covers the start of an anonymous mapping; what follows its last byte reads as zero.
    base_ = mmap(nullptr, mapped_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void* file = base_ == MAP_FAILED
                     ? MAP_FAILED
                     : mmap(base_, size_, PROT_READ, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, descriptor, 0);
    int reason = errno;
    close(descriptor);
    if (file == MAP_FAILED) {
      if (base_ != MAP_FAILED) munmap(base_, mapped_);
      throw Failure{CSJMissingFile, std::string("cannot be mapped into memory: ") + strerror(reason)};
    }
    madvise(base_, size_, MADV_SEQUENTIAL);
    if (size_ >= 3 && memcmp(base_, "\xef\xbb\xbf", 3) == 0) mark_ = 3;
  }
  ~PaddedFile() { munmap(base_, mapped_); }
  PaddedFile(const PaddedFile&) = delete;
  PaddedFile& operator=(const PaddedFile&) = delete;

  const char* text() const { return static_cast<const char*>(base_); }
  size_t size() const { return size_; }
  /// Where the text starts, behind a mark.
  size_t start() const { return mark_; }
  simdjson::padded_string_view view() const {
    return simdjson::padded_string_view(text() + mark_, size_ - mark_, mapped_ - mark_);
  }

 private:
  void* base_;
  size_t size_, mapped_, mark_ = 0;
};

/// Where in the document the reader is, for messages.
struct Place {
  const char* list = "";
  long index = -1;
  bool has_id = false;
  int64_t id = 0;

  std::string text() const {
    if (index < 0) return "at the top level";
    std::string result = std::string(list) + "[" + std::to_string(index) + "]";
    if (has_id) result += " (id " + std::to_string(id) + ")";
    return result;
  }
};

inline bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// What a walk over the brackets and strings of a text finds, for messages.
struct Outline {
  /// Where the first list or object ends; 0 when it does not.
  size_t end = 0;
  /// The first control character inside a string; the size of the file when there is none.
  size_t control;

  explicit Outline(const PaddedFile& file) : control(file.size()) {
    bool in_string = false;
    long depth = 0;
    for (size_t i = file.start(); i < file.size() && end == 0; i++) {
      unsigned char c = static_cast<unsigned char>(file.text()[i]);
      if (in_string) {
        if (c < 0x20) control = std::min(control, i);
        if (c == '\\') i++;
        in_string = c != '"';
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        depth++;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        end = i + 1;
      }
    }
  }
};

/// More than one document in a file: nothing says which one counts.
[[noreturn]] inline void more_data(size_t end, const PaddedFile& file) {
  throw Failure{CSJBadData, "more data after byte " + std::to_string(end) + " of " + std::to_string(file.size()) +
                                ": expected one JSON document and nothing behind it; split the file or remove the rest"};
}

/// The JSON itself is broken: truncated, or not JSON.
[[noreturn]] inline void broken(simdjson::error_code error, ondemand::document& document, const PaddedFile& file,
                                const Place& place) {
  const char* location;
  std::string near;
  if (!document.current_location().get(location)) {
    near = " near byte " + std::to_string(location - file.text()) + " of " + std::to_string(file.size());
  }
  throw Failure{CSJBadData, place.text() + ": not complete or not valid JSON" + near + " (" +
                                simdjson::error_message(error) + "); fetch or write the file again"};
}

/// A file whose bytes are no JSON text, found before anything is read from it.
[[noreturn]] inline void unreadable(simdjson::error_code error, const PaddedFile& file) {
  if (error == simdjson::UTF8_ERROR) throw Failure{CSJNotUTF8, ""};
  std::string reason = simdjson::error_message(error);
  if (error == simdjson::UNESCAPED_CHARS) {
    size_t place = Outline(file).control;
    if (place < file.size()) {
      char code[3];
      snprintf(code, sizeof code, "%02x", static_cast<unsigned char>(file.text()[place]));
      reason = "byte " + std::to_string(place) + " is the control character " + code + " inside a string, expected \\u00" +
               code;
    }
  } else if (error == simdjson::UNCLOSED_STRING) {
    reason = "the file ends at byte " + std::to_string(file.size()) + " inside a string";
  } else if (error == simdjson::EMPTY) {
    reason = "there is only white space in it";
  }
  throw Failure{CSJBadData, "not complete or not valid JSON (" + reason + "); fetch or write the file again"};
}

/// A file as one JSON document.
struct Document {
  PaddedFile file;
  ondemand::parser parser;
  ondemand::document root;

  explicit Document(const char* path) : file(path) {
    if (auto error = parser.iterate(file.view()).get(root)) unreadable(error, file);
  }

  /// The object or list that the file is to hold, `wanted` in messages.
  ondemand::object object(const char* wanted) {
    ondemand::object object;
    if (auto error = root.get_object().get(object)) not_root(error, wanted);
    return object;
  }
  ondemand::array array(const char* wanted) {
    ondemand::array array;
    if (auto error = root.get_array().get(array)) not_root(error, wanted);
    return array;
  }

  /// Refuses a second document behind the first, once the first was read.
  void require_end() {
    const char* next;
    if (root.current_location().get(next)) return;
    size_t end = size_t(next - file.text());
    while (end > 0 && is_space(file.text()[end - 1])) end--;
    more_data(end, file);
  }

 private:
  [[noreturn]] void not_root(simdjson::error_code error, const char* wanted) {
    size_t start = file.start();
    while (start < file.size() && is_space(file.text()[start])) start++;
    if (error == simdjson::INCORRECT_TYPE) {
      size_t length = 0;
      while (length < 24 && start + length < file.size() && file.text()[start + length] >= ' ') length++;
      throw Failure{CSJBadData, "byte " + std::to_string(start) + ": expected " + wanted + ", got " +
                                    std::string(file.text() + start, length)};
    }
    // The last bracket of a file does not fit its first: there is more behind the document, or the end is missing.
    size_t end = Outline(file).end;
    if (end > 0) more_data(end, file);
    throw Failure{CSJBadData, "not complete or not valid JSON (the file ends at byte " + std::to_string(file.size()) +
                                  " before its first bracket is closed); fetch or write the file again"};
  }
};

/// The first characters of what stands where something else was expected.
inline std::string found(ondemand::value& value) {
  std::string token(std::string_view(value.raw_json_token()));
  while (!token.empty() && is_space(token.back())) token.pop_back();
  if (token.size() > 32) token = token.substr(0, 29) + "...";
  return token;
}

/// A value of another type than wanted.
[[noreturn]] inline void mistyped(ondemand::value& value, const Place& place, const char* key, const char* wanted) {
  throw Failure{CSJBadData, place.text() + ": \"" + key + "\" is " + found(value) + ", expected " + wanted};
}

/// A whole number, also one that was written with a point, as 1.0.
inline int64_t integer(ondemand::value value, const Place& place, const char* key) {
  int64_t result;
  if (!value.get_int64().get(result)) return result;
  std::string_view token = value.raw_json_token();
  size_t digits = token.find_first_not_of("-0123456789");
  if (token.find_first_of("0123456789") < 2 && (digits == token.npos || is_space(token[digits]))) {
    throw Failure{CSJBadData, place.text() + ": \"" + key + "\" is " + found(value) +
                                  ", which exceeds 64 bits; expected an integer from -2^63 to 2^63 - 1"};
  }
  // Up to 2^53 every whole number has a double of its own.
  double number;
  if (value.get_double().get(number) || std::trunc(number) != number || std::fabs(number) > 9007199254740992.0) {
    mistyped(value, place, key, "an integer");
  }
  return int64_t(number);
}

inline double number(ondemand::value value, const Place& place, const char* key) {
  double result;
  if (value.get_double().get(result)) {
    char first = value.raw_json_token()[0];
    bool is_literal = first == 'N' || first == 'I' || (first == '-' && value.raw_json_token().substr(1, 1) == "I");
    mistyped(value, place, key, is_literal ? "a finite number; JSON has no others" : "a number");
  }
  return result;
}

inline std::string_view text(ondemand::value value, const Place& place, const char* key) {
  std::string_view result;
  if (value.get_string().get(result)) mistyped(value, place, key, "a string");
  return result;
}

/// The four numbers of a record: x, y, width, height.
template <typename Record>
void box(ondemand::value value, const Place& place, Record& record) {
  double* numbers[4] = {&record.x, &record.y, &record.width, &record.height};
  ondemand::array array;
  if (value.get_array().get(array)) mistyped(value, place, "bbox", "[x, y, width, height]");
  int count = 0;
  for (auto element : array) {
    ondemand::value entry;
    if (element.get(entry)) {
      throw Failure{CSJBadData, place.text() + ": \"bbox\" is not a complete list; fetch or write the file again"};
    }
    double coordinate = number(entry, place, "bbox");
    if (count < 4) *numbers[count] = coordinate;
    count++;
  }
  if (count != 4) {
    throw Failure{CSJBadData, place.text() + ": \"bbox\" has " + std::to_string(count) +
                                  " numbers, expected 4: [x, y, width, height]; mend or remove the entry"};
  }
}

/// Whether a value is null, which stands for a key that is not there.
inline bool is_null(ondemand::value& value) {
  ondemand::json_type type;
  return !value.type().get(type) && type == ondemand::json_type::null;
}

/// The known keys of an object, each of which may occur once.
template <size_t count>
class Keys {
 public:
  explicit Keys(const char* const (&names)[count]) : names_(names) {}

  /// The place of a key among the names, -1 for others; throws when it occurs again.
  int take(ondemand::raw_json_string key, const Place& place) {
    for (size_t i = 0; i < count; i++) {
      if (key != names_[i]) continue;
      if (seen_ & 1u << i) {
        throw Failure{CSJBadData, place.text() + ": the key \"" + names_[i] + "\" occurs twice; keep one of them"};
      }
      seen_ |= 1u << i;
      return int(i);
    }
    return -1;
  }

  /// Complains about the first of the first `needed` keys that has not occurred.
  void require(size_t needed, const Place& place) const {
    const char* remedy = place.index < 0 ? "is it an annotation file of COCO's form, as instances_*.json are?"
                                         : "add it, or remove the entry";
    for (size_t i = 0; i < needed; i++) {
      if (!has(i)) throw Failure{CSJBadData, place.text() + ": has no key \"" + names_[i] + "\"; " + remedy};
    }
  }

  bool has(size_t index) const { return seen_ & 1u << index; }

 private:
  const char* const (&names_)[count];
  unsigned seen_ = 0;
};

/// Calls `body` with the object and the place of every element of a list of objects.
template <typename Body>
void for_each_object(ondemand::array& array, const char* name, Document& document, Body body) {
  Place place{name};
  for (auto element : array) {
    place.index++;
    place.has_id = false;
    ondemand::value value;
    if (auto error = element.get(value)) broken(error, document.root, document.file, place);
    ondemand::object object;
    if (auto error = value.get_object().get(object)) {
      if (error != simdjson::INCORRECT_TYPE) broken(error, document.root, document.file, place);
      throw Failure{CSJBadData,
                    place.text() + " is " + found(value) + ", expected an object; mend or remove the entry"};
    }
    body(object, place);
  }
}

/// Calls `body` with the place among the known keys and the value of every field that is known.
template <size_t count, typename Body>
void for_each_field(ondemand::object& object, Keys<count>& keys, Document& document, Place& place, Body body) {
  for (auto entry : object) {
    ondemand::field field;
    if (auto error = std::move(entry).get(field)) broken(error, document.root, document.file, place);
    int key = keys.take(field.key(), place);
    if (key >= 0) body(key, field.value());
  }
}

/// Runs `body`, turning a Failure into its message and status.
template <typename Body>
int reporting(char* message, size_t capacity, Body body) {
  try {
    body();
    return CSJSuccess;
  } catch (const Failure& failure) {
    snprintf(message, capacity, "%s", failure.message.c_str());
    return failure.status;
  } catch (const std::exception& error) {
    snprintf(message, capacity, "%s", error.what());
    return CSJBadData;
  }
}

}  // namespace reading
