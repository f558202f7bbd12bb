#include "fuzzer/report/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "fuzzer/base/text.h"

namespace mob {
namespace {

constexpr std::size_t kLineLength = 34;
constexpr std::size_t kMostLines = 7;

std::string cut_to(std::string line, std::size_t length = kLineLength) {
  line = one_line(line, 200);
  return line.size() > length ? line.substr(0, length - 3) + "..." : line;
}

template <class T>
std::string some(const std::vector<T>& list) {
  std::string out;
  for (std::size_t i = 0; i < list.size() && i < 6; ++i)
    out += (i == 0 ? "" : ",") + show_number(static_cast<double>(list[i]));
  return "[" + out + (list.size() > 6 ? ",..." : "") + "]";
}

// A tensor of few elements by its values, another by its type.
std::string show_constant(const Tensor& t) {
  if (t.is_string() || t.count() > 6) return show(t.type());
  return t.dims().empty() ? show_number(t.real_at(0)) : some(t.reals());
}

std::string show_attribute(const AttributeValue& v) {
  struct {
    std::string operator()(float x) const { return show_number(static_cast<double>(x)); }
    std::string operator()(std::int64_t x) const { return std::to_string(x); }
    std::string operator()(const std::string& x) const { return x; }
    std::string operator()(const Tensor& x) const { return show_constant(x); }
    std::string operator()(const GraphPtr& x) const {
      return fmt::format("graph of {} nodes", x->nodes.size());
    }
    std::string operator()(const std::vector<float>& x) const { return some(x); }
    std::string operator()(const std::vector<std::int64_t>& x) const { return some(x); }
    std::string operator()(const std::vector<std::string>& x) const { return join(x, ","); }
    std::string operator()(const std::vector<Tensor>&) const { return "tensors"; }
    std::string operator()(const std::vector<GraphPtr>&) const { return "graphs"; }
    std::string operator()(const OpaqueAttribute&) const { return "..."; }
  } words;
  return std::visit(words, v);
}

bool is_constant(const Graph& g, ValueId v) {
  return v != kNoValue && g[v].initializer && !g.is_input(v);
}

std::vector<std::string> lines_of(const Graph& g, const Node& n) {
  std::vector<std::string> lines = {cut_to((n.domain.empty() ? "" : n.domain + ".") + n.op_type)};
  for (const Attribute& a : n.attributes) lines.push_back(cut_to(a.name + " = " + show_attribute(a.value)));
  for (std::size_t i = 0; i < n.inputs.size(); ++i)
    if (is_constant(g, n.inputs[i]))
      lines.push_back(cut_to(fmt::format("input {}: {}", i, show_constant(*g[n.inputs[i]].initializer))));
  if (lines.size() > kMostLines) {
    lines.resize(kMostLines - 1);
    lines.emplace_back("...");
  }
  return lines;
}

std::string names(const Graph& g, const std::vector<ValueId>& values) {
  std::string out;
  for (ValueId v : values) out += (v == kNoValue ? "" : g[v].name) + "\n";
  return out;
}

// Optimizers keep names of values that they leave alone: the same operator with the same first output is the
// same node.
std::string key_of(const Graph& g, const Node& n) {
  const bool named = !n.outputs.empty() && n.outputs[0] != kNoValue;
  return n.domain + "\n" + n.op_type + "\n" + (named ? g[n.outputs[0]].name : n.name);
}
std::string detail_of(const Graph& g, const Node& n) {
  std::string out = names(g, n.inputs);
  for (const Attribute& a : n.attributes) out += a.name + "=" + show_attribute(a.value) + "\n";
  return out;
}

std::vector<Mark> marks_of(const Graph& g, const Graph* other, bool optimized) {
  std::vector<Mark> marks(g.nodes.size(), Mark::kKept);
  if (other == nullptr) return marks;
  std::map<std::string, std::string> there;
  for (const Node& n : other->nodes) there[key_of(*other, n)] = detail_of(*other, n);
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    const auto at = there.find(key_of(g, g.nodes[i]));
    if (at == there.end())
      marks[i] = optimized ? Mark::kNew : Mark::kGone;
    else if (at->second != detail_of(g, g.nodes[i]))
      marks[i] = Mark::kChanged;
  }
  return marks;
}

// Values that a node reads, its nested graphs included; constants stand in its box.
std::vector<ValueId> reads(const Graph& g, const Node& n) {
  std::vector<ValueId> all = n.inputs;
  for (ValueId v : g.captures(n)) all.push_back(v);
  std::erase_if(all, [&](ValueId v) { return v == kNoValue || is_constant(g, v); });
  return all;
}

// The marked nodes and what is near them, until there are enough; else the first ones.
std::vector<bool> neighbourhood(const Graph& g, const std::vector<Mark>& marks) {
  std::vector<bool> keep(g.nodes.size());
  std::size_t kept = 0;
  const auto add = [&](std::size_t i) {
    if (!keep[i] && kept < kMostBoxes / 2) keep[i] = true, ++kept;
  };
  for (std::size_t i = 0; i < marks.size(); ++i)
    if (marks[i] != Mark::kKept) add(i);
  for (std::size_t i = 0; kept == 0 && i < std::min<std::size_t>(g.nodes.size(), kMostBoxes / 2); ++i)
    keep[i] = true;
  const std::vector<int> makers = g.producers();
  for (int step = 0; step < 2; ++step) {
    std::vector<std::size_t> near;
    for (std::size_t i = 0; i < g.nodes.size(); ++i)
      for (ValueId v : reads(g, g.nodes[i])) {
        const int maker = makers[static_cast<std::size_t>(v)];
        if (maker < 0) continue;
        if (keep[i]) near.push_back(static_cast<std::size_t>(maker));
        if (keep[static_cast<std::size_t>(maker)]) near.push_back(i);
      }
    for (std::size_t i : near) add(i);
  }
  return keep;
}

class Painter {
 public:
  Painter(const Graph& g, const std::string& bad_value) : g_(g), bad_value_(bad_value) {}

  Picture paint(const std::vector<Mark>& marks, const std::vector<bool>& keep) {
    std::vector<std::size_t> box(g_.nodes.size());
    for (std::size_t i = 0; i < g_.nodes.size(); ++i)
      if (keep[i]) box[i] = add({lines_of(g_, g_.nodes[i]), marks[i]});
    const std::vector<int> makers = g_.producers();
    const auto source = [&](ValueId v) -> std::optional<std::size_t> {
      const int maker = makers[static_cast<std::size_t>(v)];
      if (maker < 0) return port(v);
      return keep[static_cast<std::size_t>(maker)] ? std::optional(box[static_cast<std::size_t>(maker)])
                                                   : std::nullopt;
    };
    for (std::size_t i = 0; i < g_.nodes.size(); ++i)
      for (ValueId v : keep[i] ? reads(g_, g_.nodes[i]) : std::vector<ValueId>())
        if (const auto from = source(v)) connect(*from, box[i], v);
    for (ValueId v : g_.outputs)
      if (const auto from = v == kNoValue ? std::nullopt : source(v))
        connect(*from, add({{cut_to(g_[v].name), "output"}, Mark::kPort}), v);
    return std::move(picture_);
  }

 private:
  std::size_t add(Box box) {
    picture_.boxes.push_back(std::move(box));
    return picture_.boxes.size() - 1;
  }
  std::size_t port(ValueId v) {
    const auto [at, is_new] = ports_.try_emplace(v, 0);
    if (is_new)
      at->second = add({{cut_to(g_[v].name), g_[v].initializer ? "constant" : "input"}, Mark::kPort});
    return at->second;
  }
  void connect(std::size_t from, std::size_t to, ValueId v) {
    const Value& value = g_[v];
    const std::string type =
        value.type && value.type->dtype != DType::kUndefined ? show(*value.type) : value.name;
    picture_.arrows.push_back(
        {from, to, cut_to(type, 28), one_line(value.name, 100), value.name == bad_value_});
  }

  const Graph& g_;
  const std::string& bad_value_;
  Picture picture_;
  std::map<ValueId, std::size_t> ports_;
};

}  // namespace

std::string_view name(Mark m) {
  static constexpr std::string_view kNames[] = {"kept", "changed", "gone", "new", "port"};
  return kNames[static_cast<std::size_t>(m)];
}

Picture picture_of(const Model& model, const Model* other, bool optimized, const std::string& bad_value) {
  const Graph& g = model.graph;
  const std::vector<Mark> marks = marks_of(g, other == nullptr ? nullptr : &other->graph, optimized);
  const bool whole = g.nodes.size() <= kMostBoxes;
  const std::vector<bool> keep = whole ? std::vector<bool>(g.nodes.size(), true) : neighbourhood(g, marks);
  Picture picture = Painter(g, bad_value).paint(marks, keep);
  if (!whole)
    picture.cut = fmt::format("{} of {} nodes: those near the difference",
                              std::count(keep.begin(), keep.end(), true), g.nodes.size());
  return picture;
}

}  // namespace mob
