// A folder of a test's own, and a look into the journal in it that does not go through the journal's code.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace mob {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mobster-test-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code none;
    std::filesystem::remove_all(path_, none);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The rows of a query on the journal of a campaign's folder, columns joined by '|'.
inline std::vector<std::string> rows_of(const std::filesystem::path& campaign, const std::string& query) {
  std::vector<std::string> rows;
  sqlite3* db = nullptr;
  char* error = nullptr;
  const auto take = [](void* to, int n, char** values, char**) {
    std::string row;
    for (int i = 0; i < n; ++i) row += (i > 0 ? "|" : "") + std::string(values[i] ? values[i] : "null");
    static_cast<std::vector<std::string>*>(to)->push_back(std::move(row));
    return 0;
  };
  if (sqlite3_open((campaign / "journal.sqlite").c_str(), &db) != SQLITE_OK ||
      sqlite3_exec(db, query.c_str(), take, &rows, &error) != SQLITE_OK)
    ADD_FAILURE() << query << ": " << (error ? error : sqlite3_errmsg(db));
  sqlite3_free(error);
  sqlite3_close(db);
  return rows;
}

inline void edit(const std::filesystem::path& campaign, const std::string& statement) {
  rows_of(campaign, statement);
}

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What `f` throws as UserError, which must be one line; "" and a failure where it throws nothing.
template <class Error, class F>
std::string complaint(F&& f) {
  try {
    f();
  } catch (const Error& e) {
    const std::string words = e.what();
    EXPECT_EQ(words.find('\n'), std::string::npos) << words;
    return words;
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

}  // namespace mob
