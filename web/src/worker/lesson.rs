//! TEMP
use burn::tensor::Device;
use diar_core::agent::Agent;
use diar_core::bundle::Bundle;
use diar_core::maze::World;
use crate::messages::Lesson;
pub struct Lessons;
impl Lessons {
    pub async fn new(_: &Bundle, _: &Device, _: u32, _: Lesson, _: &str) -> Result<Self, String> { Err("x".into()) }
    pub async fn work(&mut self, _: &World) -> Result<Option<Agent>, String> { Ok(None) }
    pub fn tell(&self) {}
}
