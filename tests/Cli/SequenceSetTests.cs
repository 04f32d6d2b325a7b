using LowLatency.Server.Lines;
using Xunit;

namespace LowLatency.Tests.Cli;

public class SequenceSetTests
{
    [Fact]
    public void ShouldKeepSequencesInOrderAsOneRun()
    {
        var set = new SequenceSet();
        for (ulong sequence = 1; sequence <= 100_000; sequence++)
            Assert.True(set.Add(sequence));
        Assert.Equal(1, set.RunCount);
        Assert.True(set.Contains(1) && set.Contains(100_000));
        Assert.False(set.Contains(0) || set.Contains(100_001));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void ShouldAgreeWithAHashSetInAnyOrder(int seed)
    {
        var random = new Random(seed);
        var set = new SequenceSet();
        var model = new HashSet<ulong>();
        for (int step = 0; step < 20_000; step++)
        {
            ulong sequence = (ulong)random.Next(1, 3_000);
            Assert.Equal(model.Contains(sequence), set.Contains(sequence));
            if (random.Next(3) == 0)
                Assert.Equal(model.Add(sequence), set.Add(sequence));
        }
        int runs = model.Count(sequence => !model.Contains(sequence - 1));
        Assert.Equal(runs, set.RunCount);
    }
}
