#include "mutators/identities.h"

#include <limits>
#include <numeric>

namespace mob::mutators {
namespace {

using Place = IdentityPlace;

// Any number that its operator takes.
bool arithmetic(const Place& p, std::string_view op) {
  return kNumbers.has(p.t.dtype) && takes(p.c, op, {p.t.dtype, p.t.dtype});
}
bool takes_alone(const Place& p, std::string_view op) {
  return takes(p.c, op, {p.t.dtype});
}
bool takes_with_ints(const Place& p, std::string_view op) {
  return takes(p.c, op, {p.t.dtype, DType::kInt64});
}

// A type whose values hold all of this one's.
DType wider(DType t) {
  switch (t) {
    case DType::kFloat:
      return DType::kDouble;
    case DType::kFloat16:
    case DType::kBFloat16:
    case DType::kBool:
      return DType::kFloat;
    case DType::kInt8:
    case DType::kUint8:
    case DType::kInt16:
    case DType::kUint16:
      return DType::kInt32;
    case DType::kInt32:
    case DType::kUint32:
      return DType::kInt64;
    default:
      return DType::kUndefined;
  }
}

ValueId cast(const Place& p, ValueId v, DType to) {
  return one(p.c, "Cast", {v}, {{.name = "to", .value = static_cast<std::int64_t>(to)}});
}

ValueId whole_slice(const Place& p, ValueId v) {
  const std::int64_t axis = p.rng().range(0, p.rank() - 1);
  const std::int64_t size = p.t.dims[static_cast<std::size_t>(axis)];
  const std::int64_t end = p.open || p.rng().chance(0.5) ? std::numeric_limits<std::int64_t>::max() : size;
  if (p.opset() < 10)
    return one(p.c, "Slice", {v},
               {{.name = "starts", .value = Ints{0}},
                {.name = "ends", .value = Ints{end}},
                {.name = "axes", .value = Ints{axis}}});
  const ValueId starts = p.ints({0}), ends = p.ints({end}), axes = p.ints({axis});
  return one(p.c, "Slice", {v, starts, ends, axes});
}

ValueId own_reshape(const Place& p, ValueId v) {
  Dims dims = p.open ? p.filled(0) : p.t.dims;  // 0: as in the input
  if (!p.open && p.t.count() > 0 && !dims.empty() && p.rng().chance(0.5))
    dims[p.rng().below(dims.size())] = p.rng().pick({0, -1});
  return one(p.c, "Reshape", {v, p.ints(dims)});
}

ValueId no_padding(const Place& p, ValueId v) {
  const Ints pads(2 * p.t.rank(), 0);
  if (p.opset() < 11) return one(p.c, "Pad", {v}, {{.name = "pads", .value = pads}});
  return one(p.c, "Pad", {v, p.ints(pads)});
}

ValueId gather_all(const Place& p, ValueId v) {
  const std::int64_t axis = p.rng().range(0, p.rank() - 1);
  const std::int64_t size = p.t.dims[static_cast<std::size_t>(axis)];
  Ints indices;
  for (std::int64_t i = 0; i < size; ++i)
    indices.push_back(p.choices.bent_index(i, size) - (p.opset() >= 11 && p.rng().chance(0.2) ? size : 0));
  return one(p.c, "Gather", {v, p.ints(indices)}, {{.name = "axis", .value = axis}});
}

ValueId split_in_one(const Place& p, ValueId v) {
  std::vector<Attribute> attributes = {{.name = "axis", .value = p.rng().range(0, p.rank() - 1)}};
  if (p.opset() >= 18) attributes.push_back({.name = "num_outputs", .value = std::int64_t{1}});
  return one(p.c, "Split", {v}, std::move(attributes));
}

ValueId reduce_nothing(const Place& p, ValueId v) {
  return one(p.c, "ReduceSum", {v}, {{.name = "noop_with_empty_axes", .value = std::int64_t{1}}});
}

// The other side is never taken.
ValueId chosen(const Place& p, ValueId v) {
  const bool first = p.rng().chance(0.5);
  const ValueId other = constant(p.c, scalar_of(p.t.dtype, p.rng().pick({0, 1})), p.choices);
  const ValueId condition =
      constant(p.c, Tensor::of_ints(DType::kBool, {}, {p.choices.bent_index(first ? 1 : 0, 2)}), p.choices);
  return first ? one(p.c, "Where", {condition, v, other}) : one(p.c, "Where", {condition, other, v});
}

ValueId same_order(const Place& p, ValueId v) {
  Ints perm(p.t.rank());
  std::iota(perm.begin(), perm.end(), 0);
  return one(p.c, "Transpose", {v}, {{.name = "perm", .value = perm}});
}

}  // namespace

const std::map<std::string_view, IdentityKind>& identity_kinds() {
  static const std::map<std::string_view, IdentityKind> kinds = {
      {"identity",
       {[](const Place& p) { return takes_alone(p, "Identity"); },
        [](const Place& p, ValueId v) { return one(p.c, "Identity", {v}); }}},
      {"cast",
       {[](const Place& p) { return takes_alone(p, "Cast"); },
        [](const Place& p, ValueId v) { return cast(p, v, p.t.dtype); }}},
      {"cast-wider",
       {[](const Place& p) { return wider(p.t.dtype) != DType::kUndefined && takes_alone(p, "Cast"); },
        [](const Place& p, ValueId v) { return cast(p, cast(p, v, wider(p.t.dtype)), p.t.dtype); }}},
      {"mul-one",
       {[](const Place& p) { return arithmetic(p, "Mul"); },
        [](const Place& p, ValueId v) {
          return one(p.c, "Mul",
                     p.rng().chance(0.5) ? std::vector{v, p.number(1)} : std::vector{p.number(1), v});
        },
        true}},
      {"div-one",
       {[](const Place& p) { return arithmetic(p, "Div"); },
        [](const Place& p, ValueId v) {
          return one(p.c, "Div", {v, p.number(1)});
        },
        true}},
      {"add-zero",
       {[](const Place& p) { return arithmetic(p, "Add"); },
        [](const Place& p, ValueId v) {
          return one(p.c, "Add",
                     p.rng().chance(0.5) ? std::vector{v, p.number(-0.0)} : std::vector{p.number(-0.0), v});
        },
        true}},
      {"sub-zero",
       {[](const Place& p) { return arithmetic(p, "Sub"); },
        [](const Place& p, ValueId v) {
          return one(p.c, "Sub", {v, p.number(0)});
        },
        true}},
      {"pow-one",
       {[](const Place& p) { return is_float(p.t.dtype) && arithmetic(p, "Pow"); },
        [](const Place& p, ValueId v) {
          return one(p.c, "Pow", {v, p.number(1)});
        },
        true}},
      {"neg-neg",
       {[](const Place& p) {
          return (is_float(p.t.dtype) || is_signed_int(p.t.dtype)) && takes_alone(p, "Neg");
        },
        [](const Place& p, ValueId v) { return one(p.c, "Neg", {one(p.c, "Neg", {v})}); }}},
      {"not-not",
       {[](const Place& p) { return takes_alone(p, "Not"); },
        [](const Place& p, ValueId v) { return one(p.c, "Not", {one(p.c, "Not", {v})}); }}},
      {"max-self",
       {[](const Place& p) { return arithmetic(p, "Max") && arithmetic(p, "Min"); },
        [](const Place& p, ValueId v) {
          return one(p.c, p.rng().chance(0.5) ? "Max" : "Min", {v, v});
        }}},
      {"and-self",
       {[](const Place& p) {
          return takes(p.c, "And", {p.t.dtype, p.t.dtype});
        },
        [](const Place& p, ValueId v) {
          return one(p.c, p.rng().chance(0.5) ? "And" : "Or", {v, v});
        }}},
      {"sum-of-one",
       {[](const Place& p) { return takes_alone(p, "Sum"); },
        [](const Place& p, ValueId v) {
          return one(p.c, p.rng().pick({"Sum", "Mean", "Max", "Min"}), {v});
        }}},
      {"bitwise-self",
       {[](const Place& p) {
          return takes(p.c, "BitwiseAnd", {p.t.dtype, p.t.dtype});
        },
        [](const Place& p, ValueId v) {
          return one(p.c, p.rng().chance(0.5) ? "BitwiseAnd" : "BitwiseOr", {v, v});
        }}},
      {"where",
       {[](const Place& p) {
          return kAnyDType.has(p.t.dtype) && takes(p.c, "Where", {DType::kBool, p.t.dtype, p.t.dtype});
        },
        [](const Place& p, ValueId v) { return chosen(p, v); }, true}},
      {"dropout",
       {[](const Place& p) { return takes_alone(p, "Dropout"); },
        [](const Place& p, ValueId v) { return one(p.c, "Dropout", {v}); }}},
      {"reshape",
       {[](const Place& p) { return takes_with_ints(p, "Reshape"); },
        [](const Place& p, ValueId v) { return own_reshape(p, v); }}},
      {"transpose",
       {[](const Place& p) { return p.rank() >= 1 && takes_alone(p, "Transpose"); },
        [](const Place& p, ValueId v) { return same_order(p, v); }}},
      {"flatten",
       {[](const Place& p) { return p.rank() == 2 && takes_alone(p, "Flatten"); },
        [](const Place& p, ValueId v) { return one(p.c, "Flatten", {v}); }}},
      {"expand",
       {[](const Place& p) { return takes_with_ints(p, "Expand"); },
        [](const Place& p, ValueId v) {
          return one(p.c, "Expand", {v, p.ints(p.open || p.rng().chance(0.5) ? p.filled(1) : p.t.dims)});
        }}},
      {"tile",
       {[](const Place& p) { return p.rank() >= 1 && takes_with_ints(p, "Tile"); },
        [](const Place& p, ValueId v) {
          return one(p.c, "Tile", {v, p.ints(p.filled(1))});
        }}},
      {"pad",
       {[](const Place& p) {
          return p.rank() >= 1 && (p.opset() < 11 ? takes_alone(p, "Pad") : takes_with_ints(p, "Pad"));
        },
        [](const Place& p, ValueId v) { return no_padding(p, v); }}},
      {"slice",
       {[](const Place& p) {
          return p.rank() >= 1 &&
                 (p.opset() < 10
                      ? takes_alone(p, "Slice")
                      : takes(p.c, "Slice", {p.t.dtype, DType::kInt64, DType::kInt64, DType::kInt64}));
        },
        [](const Place& p, ValueId v) { return whole_slice(p, v); }}},
      {"gather",
       {[](const Place& p) {
          return !p.open && p.rank() >= 1 && p.t.count() > 0 && takes_with_ints(p, "Gather");
        },
        [](const Place& p, ValueId v) { return gather_all(p, v); }, true}},
      {"concat",
       {[](const Place& p) { return p.rank() >= 1 && takes_alone(p, "Concat"); },
        [](const Place& p, ValueId v) {
          return one(p.c, "Concat", {v}, {{.name = "axis", .value = p.rng().range(0, p.rank() - 1)}});
        }}},
      {"split",
       {[](const Place& p) { return p.rank() >= 1 && takes_alone(p, "Split"); },
        [](const Place& p, ValueId v) { return split_in_one(p, v); }}},
      {"reduce-nothing",
       {[](const Place& p) { return p.opset() >= 13 && takes_alone(p, "ReduceSum"); },
        [](const Place& p, ValueId v) { return reduce_nothing(p, v); }}},
      {"depth-to-space",
       {[](const Place& p) {
          return p.rank() == 4 && p.t.count() > 0 && !p.open && takes_alone(p, "DepthToSpace");
        },
        [](const Place& p, ValueId v) {
          return one(p.c, p.rng().chance(0.5) ? "DepthToSpace" : "SpaceToDepth", {v},
                     {{.name = "blocksize", .value = std::int64_t{1}}});
        }}},
  };
  return kinds;
}

}  // namespace mob::mutators
