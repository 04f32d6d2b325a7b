namespace LowLatency.Tests; public class T { [Xunit.Fact] public void ShouldRun() { } }
