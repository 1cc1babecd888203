// The items that a run trains and tests with, and what is done to their images.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/table/field.h"
#include "core/error.h"

namespace qrun {

struct SourceSpec {
  std::string lmdb;                   // folder; empty where synthetic
  std::int64_t synthetic_digits = 0;  // items
  std::int64_t batch_size = 0;
  bool shuffle = false;         // training only
  std::uint64_t data_seed = 1;  // synthetic
  Position position;            // of `lmdb` or `synthetic_digits`: outside text() and id()
};

struct DataSpec {
  SourceSpec train;
  SourceSpec test;
  double scale = 1;
  std::vector<double> mean;    // empty, one for all channels, or one a channel
  std::string mean_file;       // of a mean image, instead; empty: none
  bool mean_of_train = false;  // the mean image of the training set, instead
  std::int64_t crop = 0;       // 0: whole image
  bool mirror = false;
  std::int64_t pad = 0;
  Position mean_position, crop_position;  // outside text() and id()
};

/// True where a mean image is subtracted, pixel by pixel.
[[nodiscard]] inline bool has_mean_image(const DataSpec& data) { return data.mean_of_train || !data.mean_file.empty(); }

namespace config {

// What the kinds of values do not say by themselves.
[[nodiscard]] bool has_lmdb(const SourceSpec& source);
[[nodiscard]] bool is_not_synthetic(const SourceSpec& source);
[[nodiscard]] bool is_for_training_only(const SourceSpec& test);
[[nodiscard]] std::string why_not_both(const SourceSpec& source);
[[nodiscard]] std::string why_synthetic_only(const SourceSpec& source);
[[nodiscard]] std::string why_training_only(const SourceSpec& test);
void read_train(DataSpec& data, const Value& value);
void read_test(DataSpec& data, const Value& value);
void read_scale(DataSpec& data, const Value& value);
void read_mean(DataSpec& data, const Value& value);
void write_mean(const DataSpec& data, const Writing& to);
[[nodiscard]] Node schema_of_mean();

inline constexpr std::uint64_t kMaxBatch = 1 << 20;
inline constexpr std::uint64_t kMaxSide = 1 << 16;

inline constexpr auto kSourceFields = fields(
    text_or_null<&SourceSpec::lmdb>("lmdb", "folder of a database of Caffe Datum messages", Role::kShape)
        .positioned<&SourceSpec::position>(),
    integer_or_null<&SourceSpec::synthetic_digits>("synthetic_digits", "number of built-in synthetic digits",
                                                   Role::kShape, {1, kMany})
        .positioned<&SourceSpec::position>()
        .refused_if<has_lmdb, why_not_both>(),
    integer<&SourceSpec::data_seed>("data_seed", "what the synthetic digits are drawn from", Role::kShape, kSeeds)
        .refused_if<is_not_synthetic, why_synthetic_only>(),
    integer<&SourceSpec::batch_size>("batch_size", "images a batch", Role::kShape, {1, kMaxBatch}).required());

inline constexpr auto kShuffleField =
    boolean<&SourceSpec::shuffle>("shuffle", "a new order each pass, from the seed", Role::kNumber);
inline constexpr auto kTrainSourceFields = kSourceFields + fields(kShuffleField);
inline constexpr auto kTestSourceFields =
    kSourceFields + fields(kShuffleField.refused_if<is_for_training_only, why_training_only>());

inline constexpr auto kDataFields = fields(
    section<&DataSpec::train>("train", "the training items", kTrainSourceFields).read_by<read_train>().required(),
    section<&DataSpec::test>("test", "the test items, each used once", kTestSourceFields)
        .read_by<read_test>()
        .required(),
    number<&DataSpec::scale>("scale", "value = (pixel - mean) * scale", Role::kNumber, kAnyNumber)
        .read_by<read_scale>(),
    field<DataSpec>(
        "mean",
        "subtracted from pixels: a number, a list with one a channel, {file: mean.binaryproto}, or {image: train}",
        Role::kShape | Role::kNumber)
        .read_by<read_mean>()
        .written_by<write_mean>()
        .described_by<schema_of_mean>()
        .nullable()
        .positioned<&DataSpec::mean_position>(),
    integer_or_null<&DataSpec::crop>("crop", "side of the square cut from each image; default: whole images",
                                     Role::kShape, {1, kMaxSide})
        .positioned<&DataSpec::crop_position>(),
    boolean<&DataSpec::mirror>("mirror", "mirror training images at random", Role::kNumber),
    integer<&DataSpec::pad>("pad", "zeros added around training images before the crop", Role::kShape, {0, kMaxSide}));

}  // namespace config
}  // namespace qrun
