// Nodes that change nothing, behind a value.
#include "mutators/identities.h"

namespace mob::mutators {
namespace {

// One kind by name, or any that fits.
const IdentityKind* draw_kind(const IdentityPlace& p, const std::string& name) {
  std::vector<const IdentityKind*> fitting;
  for (const auto& [word, kind] : identity_kinds())
    if ((name == "any" || name == word) && kind.fits(p)) fitting.push_back(&kind);
  return fitting.empty() ? nullptr : p.rng().pick(fitting);
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string name = choices.word(
      "kind", {"any",       "identity",   "cast",         "cast-wider",     "mul-one",       "div-one",
               "add-zero",  "sub-zero",   "pow-one",      "neg-neg",        "not-not",       "max-self",
               "and-self",  "sum-of-one", "bitwise-self", "where",          "dropout",       "reshape",
               "transpose", "flatten",    "expand",       "tile",           "pad",           "slice",
               "gather",    "concat",     "split",        "reduce-nothing", "depth-to-space"});
  const bool all_readers = choices.word("readers", {"all", "one"}) == "all", open = !fixed_sizes(c);
  std::vector<ValueId> places = values_with_readers(c, f);
  const std::vector<bool> shapes = shaping(c, f);
  std::erase_if(places, [&](ValueId v) {
    if (is_float(f.type(v).dtype) && shapes[static_cast<std::size_t>(v)]) return true;
    return draw_kind({c, f.type(v), choices, open}, name) == nullptr;
  });
  if (places.empty()) return std::nullopt;
  for (ValueId v : choices.places(with_room(c, std::move(places), 4))) {
    const IdentityPlace place{c, f.type(v), choices, open};
    const IdentityKind& kind = *draw_kind(place, name);
    put_behind(c, f, v, all_readers, choices, [&](ValueId x) {
      return kind.make(place, kind.bends || !choices.faulty() ? x : bent_value(c, f, v, choices));
    });
  }
  return Promise{};
}

}  // namespace

extern const Mutator insert_identity;
const Mutator insert_identity{.name = "insert-identity",
                              .aims_at =
                                  "eliminations, and patterns that something harmless interrupts: nodes that "
                                  "change nothing (kind, readers)",
                              .family = MutatorFamily::kRewrite,
                              .apply = kept<change>};

}  // namespace mob::mutators
