// Shared by the tests of this room.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzzer/base/check.h"

namespace mob {

// A folder of its own, removed at the end.
struct TemporaryFolder {
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mobster_test.XXXXXX").string();
    MOB_CHECK(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::filesystem::path operator/(const std::string& name) const { return path / name; }
  std::filesystem::path path;
};

inline std::string bytes_in(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void put_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

// The files of ONNX's backend test data, sorted; empty where scripts/setup --tests was not run.
inline std::vector<std::filesystem::path> testdata(const std::string& extension,
                                                   const std::string& folder = {}) {
  const auto root = std::filesystem::path(MOBSTER_CACHE) / "testdata" / folder;
  std::vector<std::filesystem::path> files;
  if (std::filesystem::exists(root))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
      if (entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}
inline constexpr const char* kNoTestdata = "no ONNX test data: run scripts/setup --tests";

// What `f` complains about; empty if it does not.
template <class F>
std::string complaint(F f) {
  try {
    f();
  } catch (const UserError& e) {
    return e.what();
  }
  return {};
}

}  // namespace mob
