// Slow: writes and reads a model of 1 GB, and looks at the memory that this takes.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzzer/graph/model_io.h"
#include "tests/graph/help.h"

namespace mob {
namespace {

// Most memory that a child process held while it ran `f`, in bytes.
template <class F>
double peak_of(F f) {
  const pid_t child = fork();
  if (child == 0) {
    const bool ok = complaint(f).empty();
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  rusage use = {};
  EXPECT_EQ(wait4(child, &status, 0, &use), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  return static_cast<double>(use.ru_maxrss) * 1024;
}

constexpr std::int64_t kGigabyte = 1'000'000'000;

Model model_of(int tensors) {
  Model m;
  m.opsets[""] = 17;
  m.graph.name = "large";
  const std::int64_t count = kGigabyte / 4 / tensors;
  ValueId sum = m.graph.add_input("x", {DType::kFloat, {count}});
  for (int i = 0; i < tensors; ++i) {
    std::string bytes(static_cast<std::size_t>(count) * 4, 'w');
    const ValueId w =
        m.graph.add_initializer("w_" + std::to_string(i), Tensor({DType::kFloat, {count}}, std::move(bytes)));
    sum = m.graph.add_node("Add", {sum, w});
  }
  m.graph.add_output(sum);
  return m;
}

TEST(SlowMemoryTest, AModelOfOneGigabyte) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's shadow memory would be measured, not ours";
#endif
  TemporaryFolder folder;
  const auto file = folder / "large.onnx";
  for (int tensors : {1, 50}) {
    const double write = peak_of([&] { save_model(model_of(tensors), file); });
    ASSERT_GT(std::filesystem::file_size(file), 999'000'000u);
    const double read = peak_of([&] { MOB_CHECK(load_model(file).graph.nodes.size() > 0); });
    std::cout << tensors << " tensors: writing " << write / 1e9 << " GB, reading " << read / 1e9 << " GB\n";
    EXPECT_LT(write, 1.2e9);  // the model itself, and no copy
    EXPECT_LT(read, 2.2e9);
  }
}

}  // namespace
}  // namespace mob
