using LowLatency.Tests.Journals;

namespace LowLatency.Tests.Faults;

/// <summary>An ext4 file system in a file, mounted through a loop device.</summary>
internal sealed class LoopMount : IDisposable
{
    private readonly string _device;

    /// <param name="image">The file.</param>
    /// <param name="mountPoint">An empty folder.</param>
    /// <param name="format">Makes the file system first.</param>
    internal LoopMount(string image, string mountPoint, bool format)
    {
        MountPoint = mountPoint;
        _device = SystemCommand.Run("losetup", "--find", "--show", image).Trim();
        try
        {
            if (format)
                SystemCommand.Run("mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", _device);
            SystemCommand.Run("mount", _device, mountPoint);
        }
        catch
        {
            SystemCommand.Run("losetup", "--detach", _device);
            throw;
        }
    }

    internal string MountPoint { get; }

    public void Dispose()
    {
        SystemCommand.Run("umount", MountPoint);
        SystemCommand.Run("losetup", "--detach", _device);
    }
}
