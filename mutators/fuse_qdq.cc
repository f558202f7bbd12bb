// Dequantized operands, operator, quantized result: one operator on integers (QLinearConv, QLinearMatMul).
#include <algorithm>
#include <cmath>

#include "mutators/quantization_nodes.h"
#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

// The nodes of one group; bias: -1 where there is none.
struct Group {
  int product, x, w, bias, result;
};

class Finder {
 public:
  Finder(const Case& c, const Facts& f) : c_(c), f_(f) {}

  std::vector<Group> groups() const {
    std::vector<Group> list;
    for (int r : nodes_where(c_, is_quantize))
      if (const auto g = group(r)) list.push_back(*g);
    return list;
  }

 private:
  const Node& node(int i) const { return c_.model.graph.nodes[static_cast<std::size_t>(i)]; }

  std::optional<Group> group(int result) const {
    const Node& q = node(result);
    const int at = f_.producer(q.inputs[0]);
    if (at < 0 || f_.uses(q.outputs[0]).empty()) return std::nullopt;
    const Node& n = node(at);
    const bool conv = n.op_type == "Conv";
    if (!n.domain.empty() || !(conv || n.op_type == "MatMul")) return std::nullopt;
    Group g{.product = at,
            .x = dequantized_by(c_, f_, n.inputs[0]),
            .w = dequantized_by(c_, f_, n.inputs[1]),
            .bias = -1,
            .result = result};
    if (g.x < 0 || g.w < 0 || !one_scale(f_, node(g.x)) || !one_scale(f_, q)) return std::nullopt;
    if (!scales_lines(f_, node(g.w), conv) || !types_fit(g)) return std::nullopt;
    if (n.inputs.size() > 2 && n.inputs[2] != kNoValue) {
      g.bias = f_.producer(n.inputs[2]);
      if (!bias_fits(g)) return std::nullopt;
    }
    return g;
  }

  // What runtimes have kernels for: unsigned results of unsigned images, and all signed.
  bool types_fit(const Group& g) const {
    const DType x = f_.type(node(g.x).inputs[0]).dtype, w = f_.type(node(g.w).inputs[0]).dtype;
    const DType y = f_.type(node(g.result).outputs[0]).dtype;
    return byte_factors(x, w) && x == y && f_.type(node(g.result).inputs[1]).dtype == DType::kFloat;
  }

  // The scale of the bias has to be the product of the others.
  bool bias_fits(const Group& g) const {
    if (g.bias < 0 || !is_dequantize(node(g.bias))) return false;
    const Node& b = node(g.bias);
    if (f_.type(b.inputs[0]).dtype != DType::kInt32) return false;
    const Expected &sb = *f_.value(b.inputs[1]), &sx = *f_.value(node(g.x).inputs[1]),
                   &sw = *f_.value(node(g.w).inputs[1]);
    if (!fixed(b.inputs[1]) || !fixed(node(g.x).inputs[1]) || !fixed(node(g.w).inputs[1])) return false;
    const std::size_t n = std::max(sb.count(), sw.count());
    for (std::size_t i = 0; i < n; ++i) {
      const auto b_scale = static_cast<float>(sb.value_at(sb.count() == 1 ? 0 : i));
      const auto w_scale = static_cast<float>(sw.value_at(sw.count() == 1 ? 0 : i));
      if (b_scale != static_cast<float>(sx.value_at(0)) * w_scale) return false;
    }
    return sb.count() == 1 || sw.count() == 1 || sb.count() == sw.count();
  }
  bool fixed(ValueId v) const { return fixed_content(c_, v).has_value(); }

  const Case& c_;
  const Facts& f_;
};

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  if (c.model.opset() < 10) return std::nullopt;
  const std::vector<Group> groups = choices.places(Finder(c, f).groups());
  if (groups.empty()) return std::nullopt;
  const Graph before = c.model.graph;
  const auto node = [&](int i) -> const Node& { return before.nodes[static_cast<std::size_t>(i)]; };
  for (const Group& g : groups) {
    const Node &n = node(g.product), &x = node(g.x), &w = node(g.w), &y = node(g.result);
    // What is quantized may come from another group by now.
    const auto now = [&](int i) { return c.model.graph.nodes[static_cast<std::size_t>(i)].inputs[0]; };
    std::vector<ValueId> in = {now(g.x),
                               x.inputs[1],
                               zero_point(c, f, x),
                               now(g.w),
                               w.inputs[1],
                               zero_point(c, f, w),
                               bent_scale(c, y.inputs[1], choices),
                               zero_point(c, f, y)};
    if (g.bias >= 0) in.push_back(now(g.bias));
    const ValueId made = append(c, "QLinear" + n.op_type, std::move(in), n.attributes).front();
    read_instead(c, y.outputs[0], f.uses(y.outputs[0]), made);
  }
  for (const Group& g : groups) remove_dead(c, node(g.result).outputs[0]);
  return Promise{};
}

}  // namespace

extern const Mutator fuse_qdq;
const Mutator fuse_qdq{.name = "fuse-qdq",
                       .aims_at = "QLinearConv and QLinearMatMul in place of operators between pairs",
                       .family = MutatorFamily::kFuse,
                       .apply = kept<change>};

}  // namespace mob::mutators
