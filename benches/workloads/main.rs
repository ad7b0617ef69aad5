//! The workloads that Wengert is compared on: `cargo bench --bench workloads -- --help` lists
//! nothing; `--json`, `--threads N` and `--only PREFIX,…` are the options.
#![forbid(unsafe_code)]

mod harness;
mod models;
mod parts;
mod training;

fn main() {
    harness::main(&[
        ("w1_gemm_128x784x512", || parts::product(128, 784, 512)),
        ("w1_gemm_512", || parts::product(512, 512, 512)),
        ("w1_gemm_1024", || parts::product(1024, 1024, 1024)),
        ("w1_gemm_2048", || parts::product(2048, 2048, 2048)),
        ("w2_elementwise_1m", parts::elementwise),
        ("w3_softmax_ce", parts::softmax_cross_entropy),
        ("w4_bn_prim_256x1024", || parts::batch_norm(&[256, 1024])),
        ("w4_bn_prim_32x64x32x32", || parts::batch_norm(&[32, 64, 32, 32])),
        ("w5_maxout", parts::maxout),
        ("w6_mlp_sgd_b128", training::mlp_sgd),
        ("w7_mlp_adam_b32", training::mlp_adam),
        ("w8_lenet_adam_b64", models::lenet_adam),
        ("w10_scalar_chain", parts::scalar_chain),
        ("w12_gpt_char", models::gpt_char),
        ("w14_sum_axis0", || parts::reduce(|a| a.sum(0))),
        ("w14_sum_axis1", || parts::reduce(|a| a.sum(1))),
        ("w14_sum_all", || parts::reduce(|a| a.sum(..))),
        ("w14_transpose_copy", parts::transpose_copy),
    ]);
}
