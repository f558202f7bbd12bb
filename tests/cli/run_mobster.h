// The program as its users run it.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace mob {

struct Ran {
  int code = -1;
  std::string out, err;
};

inline Ran run(const std::string& arguments, const std::string& environment = "") {
  const std::filesystem::path err =
      std::filesystem::temp_directory_path() / ("mobster-test-err-" + std::to_string(getpid()));
  Ran r;
  FILE* pipe = popen(
      (environment + " " + MOBSTER_BINARY + "/mobster " + arguments + " 2>" + err.string()).c_str(), "r");
  char buffer[4096];
  while (const std::size_t n = fread(buffer, 1, sizeof buffer, pipe)) r.out.append(buffer, n);
  const int status = pclose(pipe);
  r.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
  std::ifstream in(err);
  r.err.assign(std::istreambuf_iterator<char>(in), {});
  std::filesystem::remove(err);
  return r;
}

// A test with a folder of its own.
class CommandLine : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("mobster-bad-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  // One line, exit code 2, and these words in it.
  void refused(const std::string& arguments, const std::vector<std::string>& words) {
    const Ran r = run(arguments);
    EXPECT_EQ(r.code, 2) << arguments << "\n" << r.err;
    EXPECT_EQ(r.out, "") << arguments;
    EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
    EXPECT_TRUE(r.err.starts_with("mobster: ")) << r.err;
    for (const auto& w : words)
      EXPECT_NE(r.err.find(w), std::string::npos) << "no '" << w << "' in: " << r.err;
  }

  std::filesystem::path folder_;
};

}  // namespace mob
