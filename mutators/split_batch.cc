// A node that works on each row of its first axis by itself is run on parts of the rows, which are joined
// again. Nodes that follow each other hand the parts on.
#include <algorithm>
#include <array>
#include <map>

#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

constexpr std::array<std::string_view, 9> kImages = {"Conv",        "ConvTranspose",     "MaxPool",
                                                     "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
                                                     "LpPool",      "DepthToSpace",      "SpaceToDepth"};
constexpr std::array<std::string_view, 4> kNorms = {"InstanceNormalization", "GroupNormalization", "LRN",
                                                    "BatchNormalization"};

template <std::size_t n>
bool among(const std::array<std::string_view, n>& list, const Node& node) {
  return std::find(list.begin(), list.end(), node.op_type) != list.end();
}

// Slots of inputs whose rows are those of the output; the others go to each part as they are. Empty where
// rows depend on each other, or we do not know.
class Rows {
 public:
  Rows(const Case& c, const Facts& f, const Node& n) : c_(c), f_(f), n_(n) {}

  std::vector<std::size_t> slots() const {
    if (!n_.domain.empty() || n_.outputs.size() != 1 || n_.inputs.empty() || rank(n_.outputs[0]) == 0)
      return {};
    if (elementwise(f_, n_) == Elementwise::kUnary || among(kImages, n_) || among(kNorms, n_)) return {0};
    if (elementwise(f_, n_) == Elementwise::kBroadcast || n_.op_type == "MatMul") return broadcast();
    if (n_.op_type == "Gemm") return gemm();
    if (n_.op_type.starts_with("Reduce")) return reduction();
    return along_others();
  }

 private:
  std::size_t rank(ValueId v) const { return f_.type(v).rank(); }

  // Operands that reach the first axis of the output, and are not stretched along it.
  std::vector<std::size_t> broadcast() const {
    const Dims& out = f_.type(n_.outputs[0]).dims;
    const bool product = n_.op_type == "MatMul";
    // The second operand's last but one axis is summed over; a vector has no row.
    if (product && (rank(n_.inputs[0]) < 2 || (out.size() == 2 && rank(n_.inputs[1]) != 2))) return {};
    if (product && rank(n_.inputs[1]) < 2) return {};
    std::vector<std::size_t> slots;
    for (std::size_t s = 0; s < n_.inputs.size(); ++s) {
      const Dims& dims = f_.type(n_.inputs[s]).dims;
      if (product && s == 1 && out.size() == 2) continue;
      if (dims.size() == out.size() && dims[0] == out[0]) slots.push_back(s);
    }
    return slots;
  }
  std::vector<std::size_t> gemm() const {
    if (n_.int_or("transA", 0) != 0) return {};
    std::vector<std::size_t> slots = {0};
    const Dims& out = f_.type(n_.outputs[0]).dims;
    if (n_.inputs.size() > 2 && n_.inputs[2] != kNoValue)
      if (const Dims& bias = f_.type(n_.inputs[2]).dims; bias.size() == 2 && bias[0] == out[0])
        slots.push_back(2);
    return slots;
  }
  std::vector<std::size_t> reduction() const {
    const std::optional<Ints> axes = reduced_axes(c_, f_, n_);
    if (!axes || axes->front() == 0) return {};
    return {0};
  }
  // Work along one axis or from one on, which is not the first.
  std::vector<std::size_t> along_others() const {
    const auto axis = [&](std::int64_t fallback) {
      const std::int64_t a = n_.int_or("axis", fallback);
      return a < 0 ? a + static_cast<std::int64_t>(rank(n_.inputs[0])) : a;
    };
    const bool newer = c_.model.opset() >= 13;
    const std::string& op = n_.op_type;
    if (op == "Softmax" || op == "LogSoftmax" || op == "Hardmax") return from(axis(newer ? -1 : 1) > 0);
    if (op == "LayerNormalization" || op == "RMSNormalization") return from(axis(-1) > 0);
    if (op == "ArgMax" || op == "ArgMin") return from(axis(0) > 0);
    if (op == "Flatten") return from(axis(1) == 1);
    if (op == "Transpose") return from(!n_.ints_or("perm", {}).empty() && n_.ints_or("perm", {})[0] == 0);
    if (op != "Concat" || axis(0) == 0) return {};
    std::vector<std::size_t> all;
    for (std::size_t s = 0; s < n_.inputs.size(); ++s) all.push_back(s);
    return all;
  }
  static std::vector<std::size_t> from(bool fits) {
    return fits ? std::vector<std::size_t>{0} : std::vector<std::size_t>{};
  }

  const Case& c_;
  const Facts& f_;
  const Node& n_;
};

struct Place {
  int node;
  std::vector<std::size_t> slots;
};

// The parts of values that are there already, and how their rows were cut.
struct Parts {
  std::map<std::int64_t, Ints> cuts;  // by number of rows
  std::map<ValueId, std::vector<ValueId>> of;
};

// Two or three parts.
const Ints& cut(Parts& parts, std::int64_t rows, Choices& choices) {
  const auto [at, fresh] = parts.cuts.try_emplace(rows);
  if (!fresh) return at->second;
  std::int64_t left = rows;
  for (int i = 0; i < 2 && left > 1; ++i) {
    at->second.push_back(choices.rng().range(1, left - 1));
    left -= at->second.back();
  }
  at->second.push_back(left);
  return at->second;
}

void run_on_parts(Case& c, const Facts& f, const Place& place, Parts& parts, Choices& choices) {
  const auto at = static_cast<std::size_t>(place.node);
  const Node node = c.model.graph.nodes[at];
  const ValueId out = node.outputs[0];
  const Ints& sizes = cut(parts, f.type(out).dims[0], choices);
  for (std::size_t s : place.slots)
    if (std::vector<ValueId>& cut_input = parts.of[node.inputs[s]]; cut_input.empty())
      cut_input = split(c, node.inputs[s], 0, sizes, choices);
  std::vector<ValueId> results;
  for (std::size_t p = 0; p < sizes.size(); ++p) {
    std::vector<ValueId> inputs = node.inputs;
    for (std::size_t s : place.slots) inputs[s] = parts.of[node.inputs[s]][p];
    results.push_back(one(c, node.op_type, std::move(inputs), node.attributes));
  }
  parts.of[out] = results;
  const auto count = static_cast<std::int64_t>(results.size());
  std::vector<ValueId> joined;
  for (std::int64_t p = 0; p < count; ++p)
    joined.push_back(results[static_cast<std::size_t>(choices.bent_index(p, count))]);
  // The Concat stands where the node stood.
  Node& join = c.model.graph.nodes[at];
  join.op_type = "Concat";
  join.inputs = std::move(joined);
  join.attributes = {{.name = "axis", .value = std::int64_t{0}}};
}

// Whether parts of its values can be cut and joined.
bool divisible(const Case& c, const Facts& f, const Node& n, const std::vector<std::size_t>& slots) {
  if (slots.empty() || f.type(n.outputs[0]).dims[0] < 2) return false;
  const auto fits = [&](ValueId v) {
    return takes(c, "Concat", {f.type(v).dtype}) && takes(c, "Split", {f.type(v).dtype}) &&
           f.type(v).count() > 0;
  };
  return fits(n.outputs[0]) &&
         std::all_of(slots.begin(), slots.end(), [&](std::size_t s) { return fits(n.inputs[s]); });
}

// What follows may have read the parts only.
void drop_unread_joins(Case& c, const std::vector<Place>& places) {
  Graph& g = c.model.graph;
  const std::vector<int> uses = g.use_counts();
  for (const Place& place : places) {
    Node& n = g.nodes[static_cast<std::size_t>(place.node)];
    if (uses[static_cast<std::size_t>(n.outputs[0])] == 0) n.op_type.clear();
  }
  std::erase_if(g.nodes, [](const Node& n) { return n.op_type.empty(); });
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  if (!fixed_sizes(c)) return std::nullopt;
  std::vector<Place> places;
  for (int n : f.order()) {
    const Node& node = c.model.graph.nodes[static_cast<std::size_t>(n)];
    std::vector<std::size_t> slots = Rows(c, f, node).slots();
    if (divisible(c, f, node, slots)) places.push_back({n, std::move(slots)});
  }
  if (places.empty()) return std::nullopt;
  Parts parts;
  places = choices.places(with_room(c, std::move(places), 8));
  for (const Place& place : places) run_on_parts(c, f, place, parts, choices);
  drop_unread_joins(c, places);
  return Promise{};
}

}  // namespace

extern const Mutator split_batch;
const Mutator split_batch{
    .name = "split-batch",
    .aims_at = "rows computed apart and joined: Split and Concat around nodes or runs of nodes",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
