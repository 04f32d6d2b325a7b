using LowLatency.Client;
using LowLatency.Core.Engine;
using LowLatency.Server.Commands;
using Xunit;

namespace LowLatency.Tests.Cli;

public class ConfirmTallyTests
{
    private readonly ConfirmTally _tally = new(DurabilityLevel.Disk);

    [Fact]
    public void ShouldNotCountRejectedMessagesAsConfirmed()
    {
        Send(11, 20);
        Reject(13);
        Reject(19);
        _tally.OnConfirm(null!, 12, DurabilityLevel.Disk);
        Assert.Equal(2, _tally.Confirmed);
        _tally.OnConfirm(null!, 20, DurabilityLevel.Disk);
        Assert.Equal(8, _tally.Confirmed);
        Assert.Equal(2, _tally.Rejected);
        Assert.Equal(0, _tally.Unconfirmed);
        Assert.Equal(3, _tally.LineOf(_tally.FirstRejection!.Value.Sequence));
    }

    [Fact]
    public void ShouldCountARepeatedConfirmOnce()
    {
        Send(1, 5);
        _tally.OnConfirm(null!, 3, DurabilityLevel.Disk);
        _tally.OnConfirm(null!, 3, DurabilityLevel.Disk);
        _tally.OnConfirm(null!, 2, DurabilityLevel.Disk);
        Assert.Equal(3, _tally.Confirmed);
        Assert.Equal(2, _tally.Unconfirmed);
    }

    [Fact]
    public void ShouldTellLevelsApartAndWhatIsBelowTheOneAskedFor()
    {
        Send(1, 5);
        _tally.OnConfirm(null!, 3, DurabilityLevel.Disk);
        _tally.OnConfirm(null!, 5, DurabilityLevel.Memory);
        Assert.Equal(2, _tally.BelowAsked);
        Assert.Equal("3 messages confirmed at level disk, 2 messages confirmed at level memory", _tally.Describe());
    }

    private void Send(ulong first, ulong last)
    {
        for (ulong sequence = first; sequence <= last; sequence++)
            _tally.OnSent(sequence);
    }

    private void Reject(ulong sequence) => _tally.OnReject(null!, new Rejection(sequence, ErrorCode.QueueFull, "orders", "full"));
}
