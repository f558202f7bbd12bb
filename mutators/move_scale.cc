// A constant factor of a product of matrices stands behind it, on either side, or inside what a side is made
// of, as Mul or as Div.
#include <cmath>
#include <utility>

#include "mutators/regroup.h"

namespace mob::mutators {
namespace {

enum class Place { kBehind, kLeft, kRight };
enum class How {
  kMul,
  kDiv,
  kInside,  // behind a Transpose, in a constant
};

std::size_t side(Place p) {
  return p == Place::kLeft ? 0 : 1;
}

// A value multiplied with a constant number.
struct Scaled {
  ValueId x = kNoValue;
  double factor = 1;
  How how = How::kMul;
};
std::optional<Scaled> scaled(const Regroup& r, ValueId y, const Node& n) {
  for (std::size_t i : {1u, 0u}) {
    if (n.op_type != "Mul" && (n.op_type != "Div" || i == 0)) continue;
    const ValueId x = n.inputs[1 - i];
    const std::optional<Tensor> t = r.constant_of(n.inputs[i]);
    if (!t || t->count() != 1 || !r.known(x) || r.type(x) != r.type(y) || !kFloats.has(t->dtype())) continue;
    const double factor = t->real_at(0);
    return Scaled{x, n.op_type == "Mul" ? factor : 1 / factor, n.op_type == "Mul" ? How::kMul : How::kDiv};
  }
  return std::nullopt;
}
std::optional<Scaled> scaled(const Regroup& r, ValueId y) {
  for (const char* op : {"Mul", "Div"})
    if (const Node* n = r.maker(y, op)) return scaled(r, y, *n);
  return std::nullopt;
}

// The node that only moves the elements of its first input to this value; null where there is none.
const Node* mover(const Regroup& r, ValueId v) {
  for (const char* op : {"Transpose", "Reshape", "Identity", "Squeeze", "Unsqueeze"})
    if (const Node* n = r.maker(v, op)) return n;
  return nullptr;
}

// --- Multiplying -------------------------------------------------------------------------------------------

// Whether the number is one of the type, but for its rounding.
bool fits(DType t, double x) {
  const FloatFormat& format = float_format(t);
  return std::fabs(x) >= format.min_normal && std::fabs(x) <= format.max_finite;
}

ValueId times(Regroup& r, ValueId x, double factor, How how) {
  if (!r.known(x)) return kNoValue;
  const DType t = r.type(x).dtype;
  const double number = how == How::kDiv ? 1 / factor : factor;
  if (!fits(t, number)) return kNoValue;
  return r.node(how == How::kDiv ? "Div" : "Mul", {x, r.bent(r.leaf(Tensor::scalar(t, number)))});
}

// The constant times the factor; each element is rounded once, as a product would be.
std::optional<Tensor> folded(const Regroup& r, ValueId v, double factor) {
  const std::optional<Tensor> t = r.constant_of(v);
  if (!t || !kFloats.has(t->dtype())) return std::nullopt;
  std::vector<double> list = t->reals();
  for (double& x : list) {
    x *= factor;
    if (x != 0 && !fits(t->dtype(), x)) return std::nullopt;
  }
  return Tensor::of(t->dtype(), t->dims(), list);
}

// How a factor may go inside a value.
enum class Way {
  kNone,
  kConstant,
  kMover,
  kNumber,   // another factor takes it in
  kProduct,  // into the constant side of a product
  kSum,      // into both terms, one of them a constant
};
struct Inside {
  Way way = Way::kNone;
  Node node = {};
  std::size_t slot = 0;  // of the constant
};
Inside inside(const Regroup& r, ValueId v, double factor) {
  if (folded(r, v, factor)) return {.way = Way::kConstant};
  if (const Node* n = mover(r, v)) return {.way = Way::kMover, .node = *n};
  const auto with_constant = [&](const char* op, Way way) {
    const Node* n = r.maker(v, op);
    for (std::size_t i : {1u, 0u})
      if (n != nullptr && folded(r, n->inputs[i], factor)) return Inside{way, *n, i};
    return Inside{};
  };
  for (const auto& [op, way] :
       {std::pair("MatMul", Way::kProduct), std::pair("Mul", Way::kNumber), std::pair("Add", Way::kSum)})
    if (Inside found = with_constant(op, way); found.way != Way::kNone) return found;
  return {};
}

// The value times the factor, as far inside as it goes.
ValueId deep(Regroup& r, ValueId v, double factor) {
  const Inside in = inside(r, v, factor);
  if (in.way == Way::kNone) return times(r, v, factor, How::kMul);
  if (in.way == Way::kConstant) return r.bent(r.leaf(*folded(r, v, factor)));
  std::vector<ValueId> inputs = in.node.inputs;
  if (in.way == Way::kMover)
    inputs[0] = deep(r, inputs[0], factor);
  else
    inputs[in.slot] = r.bent(r.leaf(*folded(r, inputs[in.slot], factor)));
  if (in.way == Way::kSum) inputs[1 - in.slot] = deep(r, inputs[1 - in.slot], factor);
  return r.node(in.node.op_type, inputs, in.node.attributes);
}

// --- Moving ------------------------------------------------------------------------------------------------

// Takes the factor off a side of a product. Nothing stays of the attempt where there is none.
std::optional<Scaled> stripped(Regroup& r, ValueId v) {
  std::vector<Node> around;
  std::optional<Scaled> found = scaled(r, v);
  for (ValueId inner = v; !found;) {
    const Node* n = mover(r, inner);
    if (n == nullptr) return std::nullopt;
    around.push_back(*n);
    inner = n->inputs[0];
    found = scaled(r, inner);
  }
  for (auto n = around.rbegin(); n != around.rend(); ++n) {
    n->inputs[0] = found->x;
    found->x = r.node(n->op_type, n->inputs, n->attributes);
    found->how = How::kInside;
  }
  return found;
}

// A product and its factor, which is taken off already.
struct Site {
  std::vector<ValueId> sides;
  double factor;
};
std::optional<Site> read(Regroup& r, Place to, How how) {
  const Node root = r.root();
  if (root.op_type == "Mul" || root.op_type == "Div") {
    const auto y = scaled(r, root.outputs[0], root);
    const Node* product = y ? r.maker(y->x, "MatMul") : nullptr;
    if (product == nullptr || (to == Place::kBehind && y->how == how)) return std::nullopt;
    return Site{product->inputs, y->factor};
  }
  if (root.op_type != "MatMul") return std::nullopt;
  for (Place from : {Place::kLeft, Place::kRight}) {
    const auto x = scaled(r, root.inputs[side(from)]);
    if (from == to && how == How::kInside ? !x : x && from == to && x->how == how) continue;
    const auto bare = stripped(r, root.inputs[side(from)]);
    if (!bare) continue;
    Site s{root.inputs, bare->factor};
    s.sides[side(from)] = bare->x;
    return s;
  }
  return std::nullopt;
}

template <Place to, How how>
bool move(Regroup& r) {
  std::optional<Site> s = read(r, to, how);
  if (!s || !fits(r.type(r.root().outputs[0]).dtype, s->factor)) return false;
  if (to == Place::kBehind) return r.commit(times(r, r.node("MatMul", s->sides), s->factor, how));
  ValueId& x = s->sides[side(to)];
  if (!r.known(x) || (how == How::kInside && inside(r, x, s->factor).way == Way::kNone)) return false;
  x = how == How::kInside ? deep(r, x, s->factor) : times(r, x, s->factor, how);
  return r.commit(r.node("MatMul", s->sides));
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return regroup(
      c, f, choices,
      {move<Place::kBehind, How::kMul>, move<Place::kBehind, How::kDiv>, move<Place::kLeft, How::kMul>,
       move<Place::kLeft, How::kDiv>, move<Place::kLeft, How::kInside>, move<Place::kRight, How::kMul>,
       move<Place::kRight, How::kDiv>, move<Place::kRight, How::kInside>});
}

}  // namespace

extern const Mutator move_scale;
const Mutator move_scale{
    .name = "move-scale",
    .aims_at = "scales of attention: sQK behind the product, on the query or the key, in a weight, as Div",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
