#pragma once
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
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
class PaddedFile {
 public:
  explicit PaddedFile(const char* path) {
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0) throw Failure{CSJMissingFile, std::string("cannot be opened: ") + strerror(errno)};
    struct stat status;
    bool regular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    if (!regular || status.st_size == 0) {
      close(descriptor);
      throw Failure{CSJBadData, regular ? "the file is empty" : "is not a regular file"};
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
  }
  ~PaddedFile() { munmap(base_, mapped_); }
  PaddedFile(const PaddedFile&) = delete;
  PaddedFile& operator=(const PaddedFile&) = delete;

  const char* text() const { return static_cast<const char*>(base_); }
  size_t size() const { return size_; }
  simdjson::padded_string_view view() const { return simdjson::padded_string_view(text(), size_, mapped_); }

 private:
  void* base_;
  size_t size_, mapped_;
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

/// The first characters of what stands where something else was expected.
inline std::string found(ondemand::value& value) {
  std::string token(std::string_view(value.raw_json_token()));
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r')) token.pop_back();
  if (token.size() > 32) token = token.substr(0, 29) + "...";
  return token;
}

/// A value of another type than wanted.
[[noreturn]] inline void mistyped(ondemand::value& value, const Place& place, const char* key, const char* wanted) {
  throw Failure{CSJBadData, place.text() + ": \"" + key + "\" is " + found(value) + ", expected " + wanted};
}

inline int64_t integer(ondemand::value value, const Place& place, const char* key) {
  int64_t result;
  if (value.get_int64().get(result)) mistyped(value, place, key, "an integer");
  return result;
}

inline double number(ondemand::value value, const Place& place, const char* key) {
  double result;
  if (value.get_double().get(result)) mistyped(value, place, key, "a number");
  return result;
}

inline std::string_view text(ondemand::value value, const Place& place, const char* key) {
  std::string_view result;
  if (value.get_string().get(result)) mistyped(value, place, key, "a string");
  return result;
}

/// The four numbers x, y, width, height.
inline void box(ondemand::value value, const Place& place, double out[4]) {
  ondemand::array array;
  if (value.get_array().get(array)) mistyped(value, place, "bbox", "[x, y, width, height]");
  int count = 0;
  for (auto element : array) {
    ondemand::value entry;
    if (element.get(entry)) throw Failure{CSJBadData, place.text() + ": \"bbox\" is not a complete list"};
    double coordinate = number(entry, place, "bbox");
    if (count < 4) out[count] = coordinate;
    count++;
  }
  if (count != 4) {
    throw Failure{CSJBadData, place.text() + ": \"bbox\" has " + std::to_string(count) +
                                  " numbers, expected 4: [x, y, width, height]"};
  }
}

/// Complains about the first key of `keys` whose bit is not set in `seen`.
inline void require_keys(unsigned seen, const char* const* keys, int count, const Place& place) {
  for (int i = 0; i < count; i++) {
    if (!(seen & 1u << i)) throw Failure{CSJBadData, place.text() + ": has no key \"" + keys[i] + "\""};
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
