//! The loops that take the time: products of a few people with a few outputs, each sum in one fixed order.

/// People whose gradients are added up at a time.
pub(super) const BLOCK: usize = 128;
/// Outputs that are computed together.
pub(super) const LANES: usize = 8;
/// People that are computed together.
pub(super) const GROUP: usize = 4;

/// For each of four people and each of eight outputs, the sum of products with these weights: one lane of weights for each
/// number of a person. Each sum is of one person's numbers alone, in their order, whoever the other three are.
#[inline]
pub(super) fn tile(people: [&[f32]; GROUP], weights: &[[f32; LANES]]) -> [[f32; LANES]; GROUP] {
    let [mut a, mut b, mut c, mut d] = [[0.0; LANES]; GROUP];
    let [of_a, of_b, of_c, of_d] = people;
    for ((((weights, x), y), z), w) in weights.iter().zip(of_a).zip(of_b).zip(of_c).zip(of_d) {
        add(&mut a, *x, weights);
        add(&mut b, *y, weights);
        add(&mut c, *z, weights);
        add(&mut d, *w, weights);
    }
    [a, b, c, d]
}

#[inline]
fn add(sums: &mut [f32; LANES], number: f32, weights: &[f32; LANES]) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum += number * weight;
    }
}

/// The sum of products of two rows of a block.
///
/// Both factors come from gradients whose norm was checked, so that one product is at most 2²² and all of a block fit.
#[inline]
pub(super) fn dot(one: &[i16; BLOCK], other: &[i16; BLOCK]) -> i32 {
    let products = one.iter().zip(other).map(|(one, other)| i32::from(*one) * i32::from(*other));
    products.fold(0, i32::wrapping_add)
}

/// Adds `factor` times each number to the sums, of as many people as are in a block at most.
#[inline]
pub(super) fn add_times(sums: &mut [i32], factor: i16, numbers: &[i16]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum = sum.wrapping_add(i32::from(factor) * i32::from(*number));
    }
}

/// The sum of products, in lanes.
#[inline]
pub(super) fn product(one: &[f32], other: &[f32]) -> f32 {
    let (ones, rest) = one.as_chunks::<LANES>();
    let (others, last) = other.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (one, other) in ones.iter().zip(others) {
        for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
            *sum += one * other;
        }
    }
    let rest: f32 = rest.iter().zip(last).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}

/// To the nearest whole number, of two the even one. A number beyond ±32,767 counts as that, and what is not a number as 0: which
/// bits such a thing has may depend on who else is computed with it.
#[inline]
pub(super) fn whole(number: f32) -> i16 {
    let number = if number.is_nan() { 0.0 } else { number };
    // Adding 1.5·2²³ leaves the whole part in the low bits.
    let bits = (number.clamp(-32_767.0, 32_767.0) + 12_582_912.0).to_bits();
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "the low bits"
    )]
    let low = bits as u16 as i16;
    low
}
