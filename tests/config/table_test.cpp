// The tables of fields: one row says all of a key.
#include <set>

#include "config/fields/run.h"
#include "config/table/field.h"
#include "config/yaml/document.h"
#include "config/yaml/emit.h"
#include "support.h"

namespace qrun::test {
namespace {

using namespace config;

enum class Colour : std::uint8_t { kRed, kGreen };
constexpr std::array kColourNames = {"red", "green"};
constexpr const auto& names_of(Colour /*colour*/) { return kColourNames; }

struct Brush {
  std::int64_t width = 1;
  Colour colour = Colour::kRed;
  bool is_soft = false;
};
struct Picture {
  std::string title;
  std::int64_t left = 0, right = 7;
  double price = 0.5;
  Brush brush;
  Position title_position;
};

bool is_free(const Picture& picture) { return picture.price == 0; }
bool is_red(const Brush& brush) { return brush.colour == Colour::kRed; }
std::string why_free(const Picture& picture) { return picture.title + " is free"; }
void as_left(Picture& picture) { picture.right = picture.left; }

constexpr auto kBrushFields =
    fields(choice<&Brush::colour>("colour", "of the paint", Role::kShape).deciding(),
           integer<&Brush::width>("width", "in pixels", Role::kShape, {1, 9}).required().unused_if<is_red>(),
           boolean<&Brush::is_soft>("is_soft", "or hard", Role::kSweep));
constexpr auto kPictureFields = fields(
    text_or_null<&Picture::title>("title", "what it shows", Role::kNumber).positioned<&Picture::title_position>(),
    integer<&Picture::left>("left", "edge", Role::kShape, {0, 9}).required(),
    integer<&Picture::right>("right", "edge", Role::kShape, {0, 9}).completed_by<as_left>(),
    number<&Picture::price>("price", "in euro", Role::kOutput, kNotNegative).later("0.5"),
    section<&Picture::brush>("brush", "what it is painted with", kBrushFields).refused_if<is_free, why_free>());

static_assert(kBrushFields.roles() == (Role::kShape | Role::kSweep));
static_assert(kPictureFields.roles() == kEverything);
static_assert((kPictureFields + fields(kBrushFields.rows[0].decides ? field<Picture>("x", "", Role::kShape)
                                                                    : field<Picture>("y", "", Role::kShape)))
                  .rows.back()
                  .name == std::string_view("x"));

/// The mistakes, or none, and what was read.
Lines read_picture(const std::string& text, Picture& picture) {
  Problems problems;
  const Node node = parse_document(text, "a.yaml", problems);
  read_fields({node, problems, "picture"}, kPictureFields, picture);
  try {
    problems.throw_if_any();
  } catch (const ConfigError& error) {
    return error.lines();
  }
  return {};
}

std::string written(const Picture& picture, Roles roles, bool skips_later = false) {
  TextSink text(Quoting::kHashed);
  write_fields(kPictureFields, picture, {text, roles, skips_later});
  return text.take();
}

TEST(Table, ReadsWhatItWrites) {
  Picture picture;
  EXPECT_EQ(read_picture("{title: a b, left: 2, price: 3, brush: {colour: green, width: 4, is_soft: true}}", picture),
            Lines{});
  EXPECT_EQ(picture.right, 2) << "completed by left";
  EXPECT_EQ(picture.title_position.column, 9);
  const std::string text = written(picture, kEverything);
  EXPECT_EQ(text, R"(title: "a b"
left: 2
right: 2
price: 3
brush:
  colour: green
  width: 4
  is_soft: true
)");
  Picture again;
  EXPECT_EQ(read_picture(text, again), Lines{});
  EXPECT_EQ(written(again, kEverything), text);
}

TEST(Table, ARoleSaysWhatIsWritten) {
  Picture picture{.title = "x", .left = 1, .right = 1};
  EXPECT_EQ(written(picture, kOfPack), "left: 1\nright: 1\nbrush:\n  colour: red\n  is_soft: false\n");
  EXPECT_EQ(written(picture, kDefining), "title: x\nleft: 1\nright: 1\nbrush:\n  colour: red\n");
  EXPECT_EQ(written(picture, static_cast<Roles>(Role::kOutput)), "price: 0.5\n");
  EXPECT_EQ(written(picture, static_cast<Roles>(Role::kOutput), true), "") << "later, and as it was before";
}

TEST(Table, SaysWhatIsWrong) {
  Picture picture;
  EXPECT_EQ(read_picture("{lefd: 2}", picture), Lines{"a.yaml:1:2: picture.lefd: unknown key; did you mean left?"});
  EXPECT_EQ(read_picture("{title: null}", picture), Lines{"a.yaml:1:1: picture.left: is missing; edge"});
  EXPECT_EQ(read_picture("{left: 1, title: p, price: 0, brush: {}}", picture),
            Lines{"a.yaml:1:38: picture.brush: p is free"});
}

TEST(Table, AChoiceThatIsNotReadLeavesTheOthersAlone) {
  Picture picture;
  EXPECT_EQ(read_picture("{left: 1, brush: {colour: red, width: 4}}", picture), Lines{});
  EXPECT_EQ(picture.brush.width, 1) << "unused";
  EXPECT_EQ(read_picture("{left: 1, brush: {colour: red, width: 40}}", picture),
            Lines{"a.yaml:1:39: picture.brush.width: 40 is outside [1, 9]"});
  EXPECT_EQ(read_picture("{left: 1, brush: {colour: green}}", picture),
            Lines{"a.yaml:1:18: picture.brush.width: is missing; in pixels"});
  EXPECT_EQ(read_picture("{left: 1, brush: {colour: gren}}", picture),
            Lines{"a.yaml:1:27: picture.brush.colour: gren is not known; did you mean green?"});
}

void collect(Rows rows, const std::string& above, std::set<std::string>& names) {
  for (const Row& row : rows) {
    const std::string name = key_address(above, row.name);
    EXPECT_NE(row.roles, 0) << name;
    EXPECT_NE(row.read, nullptr) << name;
    EXPECT_NE(row.schema, nullptr) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
    collect(row.below, name, names);
  }
}

TEST(Table, EveryFieldOfARunHasARole) {
  std::set<std::string> names;
  collect(run_rows(), "", names);
  EXPECT_TRUE(names.contains("data.train.batch_size"));
  EXPECT_TRUE(names.contains("solver.lr_policy.steps"));
}

TEST(Table, WhatHoldsForAWholeSweepFollowsFromTheRoles) {
  EXPECT_EQ(whole_sweep_addresses(), (std::vector<std::string>{"name", "engine", "products", "metrics",
                                                               "train.test_first", "output", "cluster"}));
}

TEST(Sink, TextAndTreeAgree) {
  for (const char* const config : {"cluster_example", "lenet_2bit", "lenet_methods", "smoke"}) {
    const RunSpec run = read_config(std::string(QRUN_SOURCE_DIR) + "/configs/" + config + ".yaml", {}).runs.at(0);
    TreeSink tree;
    write_run(run, {tree});
    const Node root = tree.take();
    TextSink text(Quoting::kHashed);
    write_run(run, {text});
    EXPECT_EQ(text.take(), emit(root, Quoting::kHashed)) << config;
  }
}

TEST(Sink, WritesEveryShapeSoThatItReadsBack) {
  const std::string text = R"(a: {}
b: []
c:
  - []
  - {}
  - - 1
    - x
  - - k: 1
  - 2
d:
  e: [1, 2]
  f: {g: null}
  h:
    i: {j: 1}
)";
  Problems problems;
  EXPECT_EQ(emit(parse_document(text, "a.yaml", problems), Quoting::kDocument), text);
}

}  // namespace
}  // namespace qrun::test
