// The whole model in another opset, each node in the form that means the same there. What a converter of onnx
// does is broader and looser (it lets some meanings slip); here a node whose form changed its meaning is
// either mended or the model is left alone.
#include "mutators/why_not_in_opset.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/opset_forms.h"
#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

constexpr int kOldest = 7;

// Operators of several forms that mean the same wherever their types, attributes and inputs are allowed, but
// for what `Conversion` mends or refuses.
constexpr std::string_view kSteady =
    " Abs Acos Acosh Add ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast CastLike"
    " Ceil Clip Compress Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DeformConv"
    " DepthToSpace DequantizeLinear Det Div Dropout Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU"
    " Gather GatherElements GatherND Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater"
    " GreaterOrEqual GridSample HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN"
    " LRN LSTM LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul Max MaxPool"
    " MaxRoiPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Neg NegativeLogLikelihoodLoss"
    " NonMaxSuppression NonZero PRelu Pad Pow QLinearMatMul QuantizeLinear RNN Reciprocal ReduceL1"
    " ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum"
    " ReduceSumSquare Relu Reshape RoiAlign Round ScatterElements ScatterND Selu Shape Sigmoid Sign Sin"
    " Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split Sqrt Squeeze"
    " Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Where ";

// Forms that mean something else from this opset on.
struct Break {
  std::string_view op;
  int opset;
};
constexpr Break kBreaks[] = {{"GridSample", 20}, {"RoiAlign", 16}};

// Attributes that a form may lack where they hold what is meant without them.
struct Default {
  std::string_view attribute;
  std::int64_t value;
};
constexpr Default kDefaults[] = {{"allowzero", 0},
                                 {"noop_with_empty_axes", 0},
                                 {"ceil_mode", 0},
                                 {"layout", 0},
                                 {"select_last_index", 0},
                                 {"training_mode", 0},
                                 {"batch_dims", 0},
                                 {"storage_order", 0},
                                 {"saturate", 1},
                                 {"largest", 1},
                                 {"sorted", 1},
                                 {"block_size", 0},
                                 {"output_dtype", 0},
                                 {"precision", 0},
                                 {"start", 0}};

bool is_default(const Node& n, const Attribute& a) {
  if (a.name == "axis") return n.op_type.ends_with("quantizeLinear") || n.op_type == "QuantizeLinear";
  if (a.name == "seed") return n.op_type == "Dropout";
  if (a.name == "reduction") return n.string_or(a.name, "") == "none";
  if (a.name == "mode") return n.op_type == "DepthToSpace" && n.string_or(a.name, "") == "DCR";
  if (a.name == "dilations") {
    const Ints dilations = n.ints_or(a.name, {});
    return std::all_of(dilations.begin(), dilations.end(), [](auto d) { return d == 1; });
  }
  return std::any_of(std::begin(kDefaults), std::end(kDefaults), [&](const Default& d) {
    return d.attribute == a.name && n.int_or(a.name, d.value) == d.value;
  });
}

// One node on its way from one opset to another.
class Conversion {
 public:
  Conversion(Case& c, const Facts& f, int node, int next, Choices& choices)
      : c_(c), f_(f), at_(node), now_(static_cast<int>(c.model.opset())), next_(next), choices_(choices) {}

  bool run() {
    const Schema *from = schema(n().op_type, now_), *to = schema(n().op_type, next_);
    if (from == to) return true;
    if (from == nullptr || to == nullptr || to->deprecated) return no("has no form there");
    if (!steady()) return no("means something else there, or more than we know of its forms");
    if (!fits() || !mend(*to)) return false;
    if (!constant_where_gone(*from, *to) || !without_defaults(*to)) return false;
    const auto standing = [&] {
      return choices_.rng().chance(0.7) ? Constness::kInitializer : Constness::kConstantNode;
    };
    if (!to_form(c_, static_cast<std::size_t>(at_), *from, *to, f_, standing))
      return no("holds what has no like in its form there");
    if (next_ < 11) count_axes_from_the_front();
    if (flatten_from_ >= 0) flatten();
    return true;
  }
  // Of a node that did not run: "has no form there".
  const std::string& why() const { return why_; }

 private:
  bool no(std::string why) {
    why_ = std::move(why);
    return false;
  }
  bool yes_or(bool fine, const char* why) { return fine || no(why); }
  Node& n() { return c_.model.graph.nodes[static_cast<std::size_t>(at_)]; }
  bool crosses(int opset) const { return (now_ < opset) != (next_ < opset); }
  std::int64_t rank(ValueId v) const { return static_cast<std::int64_t>(f_.type(v).rank()); }
  bool is(std::string_view op) { return n().op_type == op; }

  bool steady() {
    return kSteady.find(" " + n().op_type + " ") != std::string_view::npos &&
           std::none_of(std::begin(kBreaks), std::end(kBreaks),
                        [&](const Break& b) { return b.op == n().op_type && crosses(b.opset); });
  }
  // What the two forms do not agree on.
  bool fits() {
    if (n().op_type.ends_with("Pool"))
      return yes_or(n().int_or("ceil_mode", 0) == 0, "has ceil_mode, which opsets do not agree on");
    if (is("BatchNormalization"))
      return yes_or(n().outputs.size() == 1 && n().int_or("training_mode", 0) == 0,
                    "is in training, or has further outputs");
    if (is("ConvTranspose"))  // which side gets the odd row of padding
      return yes_or(
          !crosses(11) || (n().string_or("auto_pad", "NOTSET") == "NOTSET" && !n().has("output_shape")),
          "has auto_pad or output_shape, which pads other sides there");
    if (is("Dropout"))
      return yes_or(!draws_random(f_, n()) && (!crosses(10) || !mask_is_read()),
                    "draws random numbers, or its mask is read, which has another type there");
    if (is("Pad"))
      return yes_or(next_ >= 19 || n().string_or("mode", "constant") != "wrap",
                    "has mode wrap, which came with opset 19");
    if (is("QuantizeLinear") || is("DequantizeLinear"))  // by axis since opset 13
      return yes_or(!crosses(13) || rank(n().inputs[1]) == 0, "has scales along an axis, as since opset 13");
    if (is("Gather") && crosses(11)) {  // indices from the end since opset 11
      const std::optional<Tensor> indices = fixed(n().inputs[1]);
      const Ints list = indices ? indices->ints_vector() : Ints{-1};
      return yes_or(std::all_of(list.begin(), list.end(), [](auto i) { return i >= 0; }),
                    "has indices that may be negative, as since opset 11");
    }
    return true;
  }
  // What the new form says otherwise.
  bool mend(const Schema& to) {
    if (is("Constant")) {
      if (const std::optional<Tensor> t = content(c_, n().outputs[0]);
          t && !to.has_attribute(n().attributes[0].name))
        n().attributes = {{.name = "value", .value = *t}};
      return true;
    }
    if (is("Clip") && crosses(11)) return mend_clip();
    if ((is("Softmax") || is("LogSoftmax") || is("Hardmax")) && crosses(13)) return mend_softmax();
    if (is("Split") && n().has("num_outputs") && !to.has_attribute("num_outputs")) return mend_split();
    if (is("Dropout") && crosses(12) && next_ < 12) n().inputs.resize(1);
    if (is("Dropout") && crosses(10)) n().outputs.resize(1);
    if (is("Slice") && crosses(10) && next_ < 10 && n().inputs.size() > 4) {
      const std::optional<Tensor> steps = fixed(n().inputs[4]);
      const Ints list = steps ? steps->ints_vector() : Ints{0};
      if (std::any_of(list.begin(), list.end(), [](auto s) { return s != 1; }))
        return no("has steps, which came with opset 10");
      n().inputs.resize(4);
    }
    return true;
  }
  bool mask_is_read() {
    return n().outputs.size() > 1 && n().outputs[1] != kNoValue && !f_.uses(n().outputs[1]).empty();
  }
  // Up to opset 10, a limit that is not given is that of float32.
  bool mend_clip() {
    const DType t = f_.type(n().inputs[0]).dtype;
    const bool up = next_ >= 11;
    const float most = up ? std::numeric_limits<float>::max() : std::numeric_limits<float>::infinity();
    for (std::size_t s : {1u, 2u}) {
      const char* word = s == 1 ? "min" : "max";
      const bool given = s < n().inputs.size() && n().inputs[s] != kNoValue;
      if (up ? n().has(word) || t == DType::kFloat16 : given) {
        if (up) continue;
        const std::optional<Tensor> limit = fixed(n().inputs[s]);
        if (!limit || static_cast<double>(static_cast<float>(limit->real_at(0))) != limit->real_at(0))
          return no("has limits that are no constants of float");
        continue;
      }
      n().set(word, s == 1 ? -most : most);
    }
    return true;
  }
  // Up to opset 12, all axes from the given one on are one.
  bool mend_softmax() {
    const std::int64_t last = rank(n().inputs[0]) - 1;
    std::int64_t axis = n().int_or("axis", now_ < 13 ? 1 : -1);
    if (axis < 0) axis += last + 1;
    if (axis == last) {
      n().set("axis", last);
      return true;
    }
    if (next_ < 13) return no("works along one axis, not the last, as since opset 13");
    if (!fixed_sizes(c_) || f_.type(n().inputs[0]).count() == 0)
      return no("takes several axes for one, and sizes that are symbolic or zero");
    flatten_from_ = axis;
    n().set("axis", std::int64_t{1});
    return true;
  }
  void flatten() {
    const Dims dims = f_.type(n().outputs[0]).dims;
    const ValueId flat = one(c_, "Flatten", {n().inputs[0]}, {{.name = "axis", .value = flatten_from_}});
    n().inputs[0] = flat;
    pass_output(c_, at_, 0, [&](ValueId v) { return one(c_, "Reshape", {v, constant(c_, dims, choices_)}); });
  }
  // Before opset 18, parts are equal unless their sizes are given.
  bool mend_split() {
    if (!fixed_sizes(c_)) return no("has num_outputs, as since opset 18, and sizes that are symbolic");
    n().remove("num_outputs");
    if (n().inputs.size() > 1 && n().inputs[1] != kNoValue) return true;
    std::int64_t axis = n().int_or("axis", 0);
    if (axis < 0) axis += rank(n().inputs[0]);
    Ints sizes;
    for (ValueId v : n().outputs) sizes.push_back(f_.type(v).dims[static_cast<std::size_t>(axis)]);
    if (next_ < 13) {
      n().set("split", sizes);
    } else {
      const ValueId given = constant(c_, sizes, choices_);
      n().inputs = {n().inputs[0], given};
    }
    return true;
  }
  // What it holds if it is a constant that no caller can change.
  std::optional<Tensor> fixed(ValueId v) const { return fixed_content(c_, v); }
  bool constant_where_gone(const Schema& from, const Schema& to) {
    for (std::size_t s = 0; s < n().inputs.size() && s < from.inputs.size(); ++s)
      if (n().inputs[s] != kNoValue && parameter(to.inputs, s) == nullptr && !fixed(n().inputs[s]))
        return no("computes its input " + from.inputs[s].name + ", which must be constant there");
    return true;
  }
  bool without_defaults(const Schema& to) {
    for (const Attribute& a : std::vector<Attribute>(n().attributes)) {
      if (to.has_attribute(a.name) || slot_of(to, a.name == "value" ? "constant_value" : a.name) >= 0)
        continue;
      if (!is_default(n(), a)) return no("has the attribute " + a.name + ", which has no like there");
      n().remove(a.name);
    }
    return true;
  }
  // Negative ones came with opset 11; Squeeze wants them in order before.
  void count_axes_from_the_front() {
    const std::int64_t count = rank(is("Unsqueeze")      ? n().outputs[0]
                                    : n().inputs.empty() ? n().outputs[0]
                                                         : n().inputs[0]);
    if (const std::int64_t axis = n().int_or("axis", 0); axis < 0) n().set("axis", axis + count);
    if (!n().has("axes")) return;
    Ints axes = n().ints_or("axes", {});
    for (std::int64_t& a : axes)
      if (a < 0) a += count;
    if (is("Squeeze") || is("Unsqueeze")) std::sort(axes.begin(), axes.end());
    n().set("axes", axes);
  }

  Case& c_;
  const Facts& f_;
  int at_, now_, next_;
  Choices& choices_;
  std::int64_t flatten_from_ = -1;
  std::string why_;
};

// Whether an opset has the node's operator.
bool has_operator(int opset, const Node& n) {
  if (!n.domain.empty()) return true;
  const Schema* form = schema(n.op_type, opset);
  return form != nullptr && !form->deprecated && find_op(n.op_type)->since <= opset;
}

// The opsets around the model's own that have all its operators.
std::pair<int, int> range(const Case& c) {
  const auto exists = [&](int opset) {
    return std::all_of(c.model.graph.nodes.begin(), c.model.graph.nodes.end(),
                       [&](const Node& n) { return has_operator(opset, n); });
  };
  const auto now = static_cast<int>(c.model.opset());
  int low = now, high = now;
  while (low > kOldest && exists(low - 1)) --low;
  while (high < kNewestOpset && exists(high + 1)) ++high;
  return {low, high};
}

// Each node of a draft in its form at another opset. False, with `why` in words, at the first that has none
// that means the same.
bool convert(Case& c, const Facts& f, int next, Choices& choices, std::string* why = nullptr) {
  const auto count = static_cast<int>(c.model.graph.nodes.size());
  for (int i = 0; i < count; ++i) {
    const auto node = [&]() -> const Node& { return c.model.graph.nodes[static_cast<std::size_t>(i)]; };
    if (!node().domain.empty()) continue;
    Conversion conversion(c, f, i, next, choices);
    if (conversion.run()) continue;
    if (why != nullptr) *why = node_in_words(c, node()) + " " + conversion.why();
    return false;
  }
  return true;
}

// Functions that the model carries import an opset of their own, which is to be the model's (IR spec,
// "Functions").
std::string function_in_the_way(const Case& c, int opset) {
  for (const auto& [name, own] : function_opsets(c.model))
    if (own != opset) return fmt::format("the function '{}' imports opset {}", one_line(name), own);
  return "";
}

// Why not all nodes of a case have a form there, or empty.
std::string why_not(const Case& c, const Facts& f, int opset) {
  if (std::string why = function_in_the_way(c, opset); !why.empty()) return why;
  const int way = opset < c.model.opset() ? -1 : 1;
  for (int at = static_cast<int>(c.model.opset()); at != opset; at += way)
    for (const Node& n : c.model.graph.nodes)
      if (!has_operator(at + way, n))
        return node_in_words(c, n) + " has no form in opset " + std::to_string(at + way);
  Case draft = c;
  Rng rng(1, 1);  // how constants stand
  Choices choices(rng);
  std::string why;
  convert(draft, f, opset, choices, &why);
  return why;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const auto [low, high] = range(c);
  if (low == high) return std::nullopt;
  const auto next = static_cast<int>(choices.whole("opset", low, high));
  if (next == c.model.opset() || !function_in_the_way(c, next).empty()) return std::nullopt;
  const auto facts_end = static_cast<ValueId>(c.model.graph.values.size());
  if (!convert(c, f, next, choices)) return std::nullopt;
  maybe_misread(c, f, choices, facts_end);
  c.model.opsets[""] = next;
  if (!choices.faulty() && !facts_of(c)) return std::nullopt;
  return Promise{};
}

}  // namespace

std::string node_in_words(const Case& c, const Node& n) {
  std::string words = "node ";
  if (!n.name.empty())
    words += "'" + n.name + "'";
  else if (!n.outputs.empty() && n.outputs[0] != kNoValue)
    words += "of '" + c.model.graph[n.outputs[0]].name + "'";
  else
    words += "without a name";
  return one_line(words + " (" + (n.domain.empty() ? "" : n.domain + ".") + n.op_type + " of opset " +
                  std::to_string(c.model.opset(n.domain)) + ")");
}

std::string why_not_in_opset(const Case& c, const Facts& f, int opset) {
  std::string why = opset < kOldest || opset > kNewestOpset ? "" : why_not(c, f, opset);
  if (why.empty()) return why;
  const auto now = static_cast<int>(c.model.opset());
  int nearest = opset;
  while (nearest != now && !why_not(c, f, nearest).empty()) nearest += opset < now ? 1 : -1;
  return why +
         (nearest == now
              ? "; it keeps every opset between from the model, too: leave convert-opset out, or replace it"
              : "; opset=" + std::to_string(nearest) + " is the nearest that the model has a form in");
}

extern const Mutator convert_opset;
const Mutator convert_opset{
    .name = "convert-opset",
    .aims_at = "passes that know one form of an operator: the same model in another opset (opset)",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
