#include "fuzzer/report/drawing.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace mob {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Of the page's fonts; Graphviz needs sizes and no words.
constexpr double kLetter = 7.0, kBoldLetter = 8.4, kLine = 16, kPadding = 18, kLabelLetter = 6.2;
constexpr double kInch = 72;

double width_of(const Box& box) {
  double widest = 30;
  for (std::size_t i = 0; i < box.lines.size(); ++i)
    widest = std::max(widest, static_cast<double>(box.lines[i].size()) * (i == 0 ? kBoldLetter : kLetter));
  return widest + kPadding;
}
double height_of(const Box& box) {
  return static_cast<double>(box.lines.size()) * kLine + 12;
}

std::string dot_of(const Picture& p) {
  std::string out = "digraph g { nodesep=0.3; ranksep=0.35; node [shape=box fixedsize=true label=\"\"];\n";
  for (std::size_t i = 0; i < p.boxes.size(); ++i)
    out += fmt::format("n{} [width={:.3f} height={:.3f}];\n", i, width_of(p.boxes[i]) / kInch,
                       height_of(p.boxes[i]) / kInch);
  // The label's place is kept free by a table of its size.
  for (std::size_t i = 0; i < p.arrows.size(); ++i)
    out += fmt::format(
        "n{} -> n{} [id={} label=<<table border=\"0\" fixedsize=\"true\" width=\"{:.0f}\" height=\"14\"><tr>"
        "<td></td></tr></table>>];\n",
        p.arrows[i].from, p.arrows[i].to, i,
        static_cast<double>(p.arrows[i].label.size()) * kLabelLetter + 6);
  return out + "}\n";
}

// A folder of our own that goes with the scope.
class Scratch {
 public:
  Scratch() {
    std::string name = fs::temp_directory_path() / "mobster-dot-XXXXXX";
    if (mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~Scratch() {
    std::error_code none;
    if (!folder_.empty()) fs::remove_all(folder_, none);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  bool ok() const { return !folder_.empty(); }
  fs::path operator/(const char* name) const { return folder_ / name; }

 private:
  fs::path folder_;
};

bool run_dot(const fs::path& in, const fs::path& out) {
  const char* const words[] = {"dot", "-Tjson0", nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, "dot", &actions, nullptr, const_cast<char* const*>(words), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  return failed == 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// "12.5,30" in points from the lower left corner.
std::pair<double, double> point(const std::string& words, double height) {
  double x = 0, y = 0;
  std::istringstream in(words);
  char comma = 0;
  in >> x >> comma >> y;
  return {x, height - y};
}

// "e,END START CONTROL CONTROL POINT ...": a B-spline and where the arrow's head points to.
std::string path_of(const std::string& words, double height) {
  std::istringstream in(words);
  std::string path, head;
  std::size_t n = 0;
  for (std::string word; in >> word;) {
    if (word.starts_with("e,")) {
      head = word.substr(2);
      continue;
    }
    const auto [x, y] = point(word, height);
    path += fmt::format("{}{:.1f} {:.1f}", n == 0 ? "M" : n == 1 ? "C" : " ", x, y);
    ++n;
  }
  if (!head.empty()) {
    const auto [x, y] = point(head, height);
    path += fmt::format("L{:.1f} {:.1f}", x, y);
  }
  return path;
}

Json placed(const Picture& p, const Json& dot) {
  std::istringstream corner(dot.at("bb").get<std::string>());
  double left = 0, bottom = 0, width = 0, height = 0;
  char comma = 0;
  corner >> left >> comma >> bottom >> comma >> width >> comma >> height;
  Json out = {{"w", std::ceil(width)}, {"h", std::ceil(height)}, {"cut", p.cut}};
  out["boxes"] = out["arrows"] = Json::array();
  for (const Json& object : dot.value("objects", Json::array())) {
    const auto i = std::stoul(object.at("name").get<std::string>().substr(1));
    const auto [x, y] = point(object.at("pos"), height);
    const Box& box = p.boxes.at(i);
    out["boxes"][i] = {{"x", x},
                       {"y", y},
                       {"w", width_of(box)},
                       {"h", height_of(box)},
                       {"lines", box.lines},
                       {"mark", name(box.mark)}};
  }
  for (const Json& edge : dot.value("edges", Json::array())) {
    const Arrow& arrow = p.arrows.at(std::stoul(edge.at("id").get<std::string>()));
    const auto [x, y] = point(edge.value("lp", "0,0"), height);
    out["arrows"].push_back({{"path", path_of(edge.at("pos"), height)},
                             {"label", arrow.label},
                             {"x", x},
                             {"y", y},
                             {"value", arrow.value},
                             {"bad", arrow.bad},
                             {"from", arrow.from},
                             {"to", arrow.to}});
  }
  return out;
}

}  // namespace

std::vector<Json> draw(const std::vector<Picture>& pictures) {
  std::vector<Json> drawn(pictures.size());
  const Scratch scratch;
  if (pictures.empty() || !scratch.ok()) return drawn;
  {
    std::ofstream in(scratch / "in.dot");
    for (const Picture& p : pictures) in << dot_of(p);
  }
  if (!run_dot(scratch / "in.dot", scratch / "out.json")) return drawn;
  std::ifstream out(scratch / "out.json");
  try {
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      Json dot;
      out >> dot;
      drawn[i] = placed(pictures[i], dot);
    }
  } catch (const std::exception&) {  // of a version of Graphviz that writes something else
    std::fill(drawn.begin(), drawn.end(), Json());
  }
  return drawn;
}

}  // namespace mob
